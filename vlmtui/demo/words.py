"""What the demo model can say: classes of the drawings, their words, and other real words.

A class has one word of its own, synonyms, and attributes; a patch's soft target is made of these and
of the colour words in `colours.py`. The other words are never drawn: they compete with the drawn ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class DrawnClass:
    """One class of pixels: its word, other words for the same thing, what is said of it."""

    word: str
    synonyms: tuple[str, ...]
    attributes: tuple[str, ...]
    plural: bool = False
    mass: bool = False


def _c(word: str, synonyms: str, attributes: str, kind: str = "") -> DrawnClass:
    return DrawnClass(word, tuple(synonyms.split()), tuple(attributes.split()), kind == "plural", kind == "mass")


CLASSES: Final[tuple[DrawnClass, ...]] = (
    _c("sky", "air", "outdoor horizon"),
    _c("cloud", "clouds", "soft fluffy"),
    _c("sun", "sunlight", "bright sunny"),
    _c("moon", "moonlight", "round pale"),
    _c("night", "darkness", "evening lit", "mass"),
    _c("sea", "water ocean", "wet waves"),
    _c("sand", "beach", "dry grainy", "mass"),
    _c("grass", "lawn field", "plant", "mass"),
    _c("tree", "trees foliage", "plant"),
    _c("mountain", "hill", "high far"),
    _c("snow", "ice", "cold frozen", "mass"),
    _c("road", "street asphalt", "flat lane"),
    _c("brick", "bricks", "rough mortar"),
    _c("wood", "plank", "wooden timber", "mass"),
    _c("stone", "rock", "hard solid"),
    _c("house", "building", "home cottage"),
    _c("roof", "tiles", "roofing slope"),
    _c("window", "glass", "pane frame"),
    _c("door", "entrance", "closed handle"),
    _c("car", "vehicle", "motor drive"),
    _c("wheel", "tire", "rubber rolling"),
    _c("flower", "petals", "blossom bloom"),
    _c("leaf", "leaves", "stem veins"),
    _c("face", "skin", "person human"),
    _c("hair", "curls", "head braid", "mass"),
    _c("shirt", "clothes", "sleeve collar"),
    _c("fur", "coat", "animal furry", "mass"),
    _c("cloth", "fabric", "woven thread", "mass"),
    _c("metal", "steel", "shiny polished", "mass"),
    _c("fruit", "apple", "food juicy"),
    _c("circle", "disc", "shape"),
    _c("square", "box", "shape"),
    _c("triangle", "wedge", "shape"),
    _c("ring", "hoop", "shape"),
    _c("star", "stars", "shape"),
    _c("stripes", "lines", "pattern", "plural"),
    _c("dots", "spots", "pattern", "plural"),
    _c("checks", "chessboard", "pattern", "plural"),
    _c("letter", "letters", "text"),
    _c("digit", "number", "text"),
    _c("paper", "page", "plain", "mass"),
    _c("wall", "plaster", "plain"),
)
NAMES: Final[tuple[str, ...]] = tuple(c.word for c in CLASSES)
INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(NAMES)}
GLYPHS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# A pixel's label is a class, or a glyph: label len(CLASSES) + i is GLYPHS[i], whose class is letter or digit.
CLASS_OF: Final[tuple[int, ...]] = (
    *range(len(CLASSES)),
    *(INDEX["digit" if g.isdigit() else "letter"] for g in GLYPHS),
)
LIGHTNESS: Final[tuple[str, str]] = ("dark", "light")

# Words of captions, questions and answers that name nothing by themselves.
GLUE: Final[tuple[str, ...]] = tuple(
    """a an the and of in on at with under above over below near by is are there it this that picture image photo
    drawing scene what which where color colour top bottom left right middle corner center shows show we see can
    yes no to some part has describe main thing things most big small you from for not or any how many one two
    three four five does do behind front between seen look looks like mostly along beside next""".split()
)

OTHER: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        """time year people way day man woman child children world life hand eye place work week case point company
    group problem fact money water month book word business issue side kind job room friend father mother power
    hour game line end member law city name team minute idea body information back parent level office health
    art war history party result change morning reason research girl boy guy moment teacher force education foot
    music love dog cat horse cow sheep pig bird fish mouse rabbit lion tiger bear wolf fox deer elephant monkey
    snake frog bee ant spider duck chicken goat bread butter cheese milk coffee tea sugar salt rice soup meat egg
    cake pie cookie pizza banana grape lemon berry potato tomato onion carrot corn bean nut honey chair table bed
    lamp sofa desk shelf clock mirror carpet curtain pillow blanket kitchen garden garage tower bridge church
    castle school hospital hotel shop market station airport farm forest river lake pond island valley desert
    jungle cave cliff wave storm rain wind thunder fog dust smoke fire flame ash coal oil gas iron silk wool
    leather cotton plastic paint ink pen pencil brush hammer nail saw knife fork spoon plate bowl cup bottle
    jar box basket bag hat coat shoe boot sock glove scarf belt dress skirt jacket button pocket watch phone
    computer screen keyboard camera radio television engine train bus truck bicycle plane ship boat rocket ladder
    rope chain key lock gate fence post sign flag map letter card ticket coin gift toy ball doll kite drum guitar
    piano violin song dance story poem dream hope fear joy anger pain peace truth doubt luck secret plan king
    queen prince doctor nurse farmer soldier sailor painter writer singer driver baker judge thief neighbor guest
    go come make take get give find think tell become leave feel put bring begin keep hold write stand hear let
    mean set meet run pay sit speak lie lead read grow lose fall send build understand draw break spend cut rise
    drive buy wear choose sleep wake eat drink cook wash clean open close push pull carry throw catch jump climb
    swim fly walk ride sing play win fight help follow stop start turn move live die kill call ask answer learn
    teach remember forget believe know want need try use wait watch touch smell taste
    good new first last long great little own other old different large next early young important few public bad
    same able strong weak fast slow hot warm cool happy sad angry tired hungry rich poor full empty clean dirty
    heavy thin thick wide narrow deep shallow sharp smooth quiet loud sweet sour bitter fresh ripe raw wild tame
    brave kind honest clever strange simple easy difficult free safe dangerous famous ancient modern
    always never often sometimes soon later now then here again away together almost already also still very too
    quite just only even about after before during without within against through across around toward until
    because while when who whose why if but so than as into onto upon he she they them him her his its their our
    my your me us was were be been being will would could should may might must have had did done said went
    summer winter spring autumn monday friday sunday january march july october north south east west
    hundred thousand million six seven eight nine ten half double pair dozen piece bit lot
    nature science language number question system program government country state family student society
    service order culture paper energy space planet earth ocean oxygen metal atom cell blood bone heart brain
    nose ear mouth tooth lip chin neck shoulder arm elbow finger thumb chest knee leg toe tail wing feather claw
    shell seed root branch bark moss weed wheat hay straw nest egg""".split()
    )
)

FRAGMENTS: Final[tuple[str, ...]] = tuple(
    """ing ed er est ly ness ment tion sion able ible ful less ous ive al ic ity ism ist ize en es s 's n't ed ty th
    sh ch ck ph gh wh qu st sp tr br cr dr fr gr pr pl bl cl fl gl sl sm sn sw tw an on in at or ar er ir ur el il
    ol ul am em im om um ap ip op up ab eb ib ob ub ad id od ud ag eg ig og ug ay ey oy aw ew ow ea ee oo ou ai oa
    ie ue nd nt ng nk mp lt ld rd rt rn rm ss ll tt pp nn mm ff gg con com pre pro re un dis de ex over under inter
    tain port form ward side land light time man house work water way""".split()
)
STARTS: Final[tuple[str, ...]] = (
    "Describe",
    "What",
    "Is",
    "Which",
    "Where",
    "How",
    "The",
    "This",
    "There",
    "USER",
    "ASSISTANT",
)
