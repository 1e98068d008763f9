"""Foreign lenses, which are not built in: loaded from source text that a front end sent, or from installed packages.

A text is compiled under the name of its file, so that tracebacks show its lines, as a module of its own. The same text
is loaded once; a file that has changed is loaded as another module. The files of a folder become a package in memory.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import linecache
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint
from types import FunctionType, ModuleType

from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.lenses.base import NAME, Lens, lens
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.lens_source import LensSource
from vlmtui.lenses.registry import built_in_lenses, lens_entry_points
from vlmtui.session.third_party.errors import LensCode

KEPT = 16
"""How many files and folders are kept loaded."""
_PREFIX = "vlmtui_lens_"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WAY_OUT = "decorate a function with @lens from vlmtui.lenses"


@dataclass(frozen=True)
class ForeignLens:
    """A lens that is not built in. `owner` names this version of it, for what it keeps; `origin` is where it is from: a
    path, or a package and its version."""

    lens: Lens
    owner: str
    origin: str
    code: LensCode

    @property
    def described(self) -> LensDescription:
        """Its description for front ends."""
        return self.lens.describe(self.origin)


class LensModuleCache:
    """The modules of files and folders, the most recently used ones of which are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _TextModule] = OrderedDict()

    def load(self, source: LensSource) -> object:
        """The module of a file or folder, or the object that a package offers.

        Loading it runs its code; whatever that raises is raised.
        """
        return self._module(source).module if source.foreign else _entry(source.name).load()

    def _module(self, source: LensSource) -> _TextModule:
        key = _key(source)
        known = self._kept.get(key)
        if known is None:
            known = _TextModule(source, key)
            known.run()
            self._kept[key] = known
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)[1].forget()
        self._kept.move_to_end(key)
        known.remember_lines()
        return known


class _TextModule(MetaPathFinder, ExecutionLoader):
    """A module of a file's text, or a package of a folder's: importer of its own modules and no others."""

    def __init__(self, source: LensSource, key: str) -> None:
        self.key = key
        self.name = f"{_PREFIX}{key[:16]}"
        self._texts: dict[str, tuple[str, str, bool]] = {}  # by module: path, text, and whether it is a package
        if not source.files:
            self._texts[self.name] = source.path, _plain(source.text), False
        for at, text in source.files:
            self._add(source.path, at, _plain(text))

    def _add(self, folder: str, at: str, text: str) -> None:
        parts = at.removesuffix(".py").split("/")
        package = parts[-1] == "__init__"
        parts = parts[:-1] if package else parts
        self._texts[".".join((self.name, *parts))] = os.path.join(folder, at), text, package
        for depth in range(1, len(parts)):  # a folder without an __init__.py is a package too
            name = ".".join((self.name, *parts[:depth]))
            self._texts.setdefault(name, (os.path.join(folder, *parts[:depth], "__init__.py"), "", True))

    @property
    def module(self) -> ModuleType:
        """The module, or the package's own."""
        return sys.modules[self.name]

    def run(self) -> None:
        """Import it, which runs its code."""
        self.remember_lines()
        sys.meta_path.insert(0, self)
        try:
            importlib.import_module(self.name)
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Unload it."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for name in [name for name in sys.modules if name == self.name or name.startswith(f"{self.name}.")]:
            del sys.modules[name]

    def remember_lines(self) -> None:
        """Have tracebacks show the lines of this text, whatever the file on the disk contains now."""
        for path, text, _ in self._texts.values():
            linecache.cache[path] = len(text), None, text.splitlines(keepends=True), path

    # -- the interface of `importlib`

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of one of its modules."""
        if fullname not in self._texts:
            return None
        at, _, package = self._texts[fullname]
        return importlib.util.spec_from_file_location(
            fullname, at, loader=self, submodule_search_locations=[] if package else None
        )

    def get_source(self, fullname: str) -> str:
        """The text of a module."""
        return self._texts[fullname][1]

    def get_filename(self, fullname: str) -> str:
        """The path that a module's file was read from."""
        return self._texts[fullname][0]


def choose_lens(source: LensSource, loaded: object, code: LensCode) -> ForeignLens:
    """The lens that is asked for, from what was loaded. `UsageError` where several are defined and none is named,
    `VlmtuiError` where none is defined."""
    if not source.foreign:
        return _installed_lens(source.name, loaded, code)
    assert isinstance(loaded, ModuleType)
    one = _named(source, loaded, code)
    return ForeignLens(_described(one, code), f"{one.name} {_key(source)}", source.path, code)


def lens_code(source: LensSource) -> LensCode:
    """The code of a lens, as far as it is known before it is loaded."""
    if not source.foreign:
        return _code_of(_entry(source.name))
    name = os.path.basename(source.path.rstrip("/"))
    if not source.files:
        return LensCode(name, {source.path: name})
    return LensCode(name, {os.path.join(source.path, at): f"{name}/{at}" for at, _ in source.files})


def installed_lenses() -> dict[str, list[EntryPoint]]:
    """The entry points of lenses that packages on this machine offer, by name."""
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in lens_entry_points():
        by_name.setdefault(entry.name, []).append(entry)
    return by_name


def why_unusable(name: str, entries: Sequence[EntryPoint]) -> str:
    """Why none of the lenses that packages offer under a name can be used; "" where one can."""
    if name in built_in_lenses():
        return "vlmtui has a built-in lens of this name, which is used instead"
    if not NAME.fullmatch(name):
        return f"{name!r} is not a valid lens name: use letters, digits and hyphens, beginning with a letter"
    if len(entries) > 1:
        places = " and ".join(f"{package_of(entry)} at {entry.value}" for entry in entries)
        return f"{_number(len(entries))} packages offer a lens {name}, {places}: uninstall one, or name a file"
    return ""


def package_of(entry: EntryPoint) -> str:
    """The package that offers a lens, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


def _entry(name: str) -> EntryPoint:
    """The entry point of a name; `UsageError` where no package offers it, `VlmtuiError` where several do."""
    there = installed_lenses().get(name, [])
    if not there:
        raise UsageError(f"there is no lens {name!r} here: vlmtui lenses lists them")
    if why := why_unusable(name, there):
        raise VlmtuiError(why)
    return there[0]


def _installed_lens(name: str, loaded: object, code: LensCode) -> ForeignLens:
    entry = _entry(name)
    made = loaded
    if isinstance(made, ModuleType):
        there = {one.name: one for one in _defined(made)}
        made = there.get(name) or (next(iter(there.values())) if len(there) == 1 else None)
    if isinstance(made, FunctionType):
        made = lens(made)
    if not isinstance(made, Lens):
        raise VlmtuiError(f"{package_of(entry)} offers a lens {name} at {entry.value}, but there is none: {_WAY_OUT}")
    if made.name != name:
        made = replace(made, name=name)  # before it is loaded it is known by this name
    origin = package_of(entry)
    return ForeignLens(_described(made, code), f"{name} of {origin}", origin, code)


def _code_of(entry: EntryPoint) -> LensCode:
    """The code of an installed lens: all of its package, which is located without being imported."""
    top = entry.module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.submodule_search_locations:
        return LensCode(package_of(entry), root=os.path.abspath(next(iter(spec.submodule_search_locations))))
    if spec is not None and spec.origin:
        return LensCode(package_of(entry), {spec.origin: os.path.basename(spec.origin)})
    return LensCode(package_of(entry))


def _named(source: LensSource, module: ModuleType, code: LensCode) -> Lens:
    """The lens that is asked for, of those that a module defines."""
    there = {one.name: one for one in _defined(module)}
    if not source.name:
        if len(there) == 1:
            return next(iter(there.values()))
        if not there:
            raise VlmtuiError(f"{code.shown} defines no lens: {_WAY_OUT}")
        *names, last = there
        raise UsageError(
            f"{code.shown} defines {_number(len(there))} lenses, {', '.join(names)} and {last}: "
            f"name one, such as {code.shown}:{last}"
        )
    value = there.get(source.name) or vars(module).get(source.name.replace("-", "_"))
    if isinstance(value, Lens):
        return value
    if isinstance(value, FunctionType):  # a function that is named needs no decorator
        return lens(value)
    has = f"it has {', '.join(there)}" if there else "it has none"
    raise UsageError(f"{code.shown} defines no lens {source.name!r}: {has}")


def _defined(module: ModuleType) -> Iterator[Lens]:
    """The lenses among a module's names that it, or a submodule, defines itself."""
    seen: set[int] = set()
    for value in vars(module).values():
        if not isinstance(value, Lens) or id(value) in seen:
            continue
        of = getattr(value.function, "__module__", None) or ""
        if of == module.__name__ or of.startswith(f"{module.__name__}."):
            seen.add(id(value))
            yield value


def _described(found: Lens, code: LensCode) -> Lens:
    """The lens, if its annotations describe its options and its result; `VlmtuiError` otherwise."""
    try:
        found.described  # noqa: B018
    except UsageError as error:
        raise VlmtuiError(f"{code.defined(found)}: {error}") from error.__cause__
    return found


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff")


def _key(source: LensSource) -> str:
    """The key of a source: equal for sources with the same path and text, which need to be loaded once."""
    whole = source.sha256 or repr((source.text, source.files))
    return hashlib.sha256(f"{source.path}\0{whole}".encode("utf-8", "surrogatepass")).hexdigest()


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)
