"""Vocabulary of the demo models: classes of the drawings with their words, and other real words.

A class has one word of its own, synonyms, and attributes; the soft target of a patch is made of these and of the colour
words in `colours.py`. The other words are never drawn: they compete with the drawn ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class DrawnClass:
    """One class of pixels: its word, synonyms, and attributes."""

    word: str
    synonyms: tuple[str, ...]
    attributes: tuple[str, ...]
    plural: bool = False
    mass: bool = False


def _c(word: str, synonyms: str, attributes: str, kind: str = "") -> DrawnClass:
    return DrawnClass(word, tuple(synonyms.split()), tuple(attributes.split()), kind == "plural", kind == "mass")


CLASSES: Final[tuple[DrawnClass, ...]] = (
    # air and lights
    _c("sky", "air", "outdoor horizon"),
    _c("cloud", "clouds", "soft fluffy"),
    _c("sun", "sunlight", "bright sunny"),
    _c("moon", "moonlight", "round pale"),
    _c("night", "darkness", "evening lit", "mass"),
    _c("smoke", "fog steam", "misty drifting", "mass"),
    _c("fire", "flame flames", "hot burning", "mass"),
    _c("lamp", "bulb lantern", "bright glowing"),
    # land and water
    _c("sea", "ocean waves", "wet outdoor"),
    _c("water", "river lake", "wet liquid", "mass"),
    _c("sand", "beach", "dry grainy", "mass"),
    _c("soil", "earth dirt", "ground dry", "mass"),
    _c("grass", "lawn field", "plant", "mass"),
    _c("mountain", "hill", "high far"),
    _c("snow", "ice", "cold frozen", "mass"),
    _c("stone", "rock", "hard solid"),
    # plants
    _c("tree", "trees foliage bush", "plant"),
    _c("bark", "trunk", "rough branch", "mass"),
    _c("leaf", "leaves", "stem veins"),
    _c("flower", "petals flowers", "blossom bloom"),
    # buildings and streets
    _c("road", "street asphalt", "flat lane"),
    _c("brick", "bricks", "rough mortar"),
    _c("wood", "plank", "wooden timber", "mass"),
    _c("house", "building", "home cottage"),
    _c("roof", "tiles", "roofing slope"),
    _c("window", "glass", "pane frame"),
    _c("door", "entrance", "closed handle"),
    _c("wall", "plaster", "plain"),
    _c("floor", "tile", "flat indoor"),
    _c("fence", "railing gate", "bars outdoor"),
    _c("bridge", "arch", "crossing span"),
    _c("tower", "skyscraper", "tall high"),
    # vehicles
    _c("car", "vehicle", "motor drive"),
    _c("wheel", "tire", "rubber rolling"),
    _c("boat", "ship", "floating sail"),
    _c("rocket", "spacecraft", "launch tall"),
    _c("flag", "banner", "waving pole"),
    # people and clothes
    _c("face", "person", "human head"),
    _c("skin", "hand arm body", "human bare", "mass"),
    _c("hair", "curls", "head braid", "mass"),
    _c("eye", "eyes pupil", "iris gaze"),
    _c("shirt", "clothes jacket", "sleeve collar"),
    # animals
    _c("fur", "coat", "animal furry", "mass"),
    _c("cat", "kitten", "animal whiskers"),
    _c("dog", "puppy", "animal snout"),
    _c("bird", "feather feathers", "animal wing"),
    # materials
    _c("cloth", "fabric", "woven thread", "mass"),
    _c("curtain", "drape", "folds hanging"),
    _c("carpet", "rug", "ornament soft"),
    _c("wool", "knit yarn", "knitted soft", "mass"),
    _c("leather", "hide", "wrinkled stitched", "mass"),
    _c("basket", "wicker", "woven straw"),
    _c("metal", "steel", "shiny polished", "mass"),
    _c("paper", "page", "plain", "mass"),
    _c("book", "books", "pages shelf"),
    # tables and food
    _c("table", "desk", "furniture flat"),
    _c("plate", "dish", "round porcelain"),
    _c("cup", "mug", "round handle"),
    _c("spoon", "fork cutlery", "shiny kitchen"),
    _c("bottle", "jar", "glassy liquid"),
    _c("coffee", "espresso", "drink liquid", "mass"),
    _c("fruit", "apple berries", "food juicy"),
    _c("vegetable", "salad vegetables", "food fresh"),
    _c("bread", "loaf toast", "food baked", "mass"),
    _c("meat", "steak sausage", "food raw", "mass"),
    # shapes, patterns, print
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
)
NAMES: Final[tuple[str, ...]] = tuple(c.word for c in CLASSES)
INDEX: Final[dict[str, int]] = {name: i for i, name in enumerate(NAMES)}
GLYPHS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# The label of a pixel is a class or a glyph: label len(CLASSES) + i is GLYPHS[i], whose class is letter or digit.
CLASS_OF: Final[tuple[int, ...]] = (
    *range(len(CLASSES)),
    *(INDEX["digit" if g.isdigit() else "letter"] for g in GLYPHS),
)
LIGHTNESS: Final[tuple[str, str]] = ("dark", "light")

# Words of captions, questions and answers that name nothing that is drawn.
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
    shell seed root branch bark moss weed wheat hay straw nest egg
    abbey acorn actor album alley altar angel ankle antenna apron aquarium arena armor arrow artist atlas attic
    author avenue award axe baby badge bakery balcony ball balloon bamboo bandage bank barn barrel base bat bath
    battery bay beak beam beard beetle bell bench bicycle bike billboard blade blouse board bomb bone bookcase
    bumper bunny bunker burger bus butcher butterfly cabbage cabin cable cactus cage calf calendar camel camp
    canal candle candy cane canoe canvas canyon cape capital captain caravan cargo cart cartoon cathedral cattle
    ceiling cellar cement chalk champion chapel chariot cheek cherry chest chimney chin chip chocolate choir
    concert concrete cone container convent copper coral cord cork corridor cottage couch counter couple court
    cousin cradle crane crater cream creature creek crew cricket crop crow crowd crown crystal cube cucumber
    cupboard curb curve cushion customer cylinder daisy dam dancer dawn deck decade den dentist diamond dice diet
    editor elevator empire engine envelope estate eyebrow fabulous factory fairy falcon fan farmer fashion faucet
    feast festival fiction fig file film filter fin firefly fireplace fist flashlight flea flock flood flour flow
    flute foam fog folder folk fountain fridge fringe fruitful fungus funnel furnace gallery gallon gang gap
    grain granite graph grave gravel grocery guard guardian gull gun gutter gym hail hall ham hammock handbag
    handle harbor hare harp harvest hawk heel helicopter helmet herb herd hero hive hole hood hook hoof horn
    hose hurricane hut icon igloo index infant insect inn instrument island ivory ivy jaw jeans jelly jet jewel
    landscape laptop lava lawyer layer lemonade lens lettuce lid lighthouse lightning lily limb lime linen lizard
    llama lobster log lorry lotus machine magazine magnet maid mall mammal mango mansion maple marble mask mast
    mat mattress mayor meadow meal medal melon menu mermaid meteor microphone mill mine mint missile mist mole
    mushroom mustache napkin necklace needle neighborhood net noodle notebook novel nylon oak oasis oat octopus
    olive opera orbit orchard orchestra orchid ornamental ostrich oven owl ox oyster package paddle pail paint
    palace palm pan pancake panda parachute parade park parrot passage pasta pastry path patio pavement paw pea
    pilot pin pine pipe pirate pit pitcher plain planet plaza plow plum pocket poet pole polo pond porch port
    portrait poster pot pottery powder prairie prayer present price priest prison prize propeller puddle pumpkin
    puppet purse puzzle pyramid quartz quilt rabbit raccoon racket radar radish raft rail railway rainbow ramp
    robot rod roller room rooster rose rubble ruin ruler runway rust saddle sail sailboat salmon sandal sandwich
    sauce scale scarecrow scene scissors scooter scorpion screw sculpture seagull seal season seat seaweed
    servant shade shadow shampoo shark shed sheet shelter shield shore shorts shovel shower shrimp shrine shrub
    soda sofa soup spark sparrow spear sphere spinach spiral sponge spray spring sprout square squid squirrel
    stadium stain stair stairs stamp statue steam stem step stereo stew stick stool storage stove straw
    strawberry stream string stripe studio submarine subway suit suitcase surf swamp swan sweater swimmer sword
    toaster toilet tomb tongue tool torch tornado tortoise towel track tractor traffic trail trailer tram tray
    treasure trench trophy trousers trout trumpet tub tulip tunnel turkey turtle twig umbrella uniform universe
    urn vacuum valley van vase vault veil velvet vest village vine vinegar virus volcano wagon waist waiter
    whisker whistle wig willow wine wire witch wizard wolf workshop worm wreath wrist yacht yard yogurt zebra
    zipper zoo zone""".split()
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
