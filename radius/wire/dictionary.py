"""The names of attributes: what each is called, where it sits in a packet, how it is coded.

The tables are text files in FreeRADIUS' dictionary syntax, in `dictionaries/`, read once per
process. Understood: ATTRIBUTE (numbers may be dotted: 241.5.1), VALUE, VENDOR, BEGIN-VENDOR,
END-VENDOR and $INCLUDE; the flags has_tag, concat, secret and encrypt=1..3.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from radius.wire.values import DataType, Tagged, Value, decode, encode, encode_integer

Oid = tuple[int, ...]
"""Where an attribute sits: (1,), (26, vendor, 3), (241, 5), (241, 26, vendor, 3), and so on."""

VENDOR_SPECIFIC: Final = 26
MAXIMUM_VENDOR: Final = 0xFFFFFF
_INTEGER_WITHOUT_TAG_OCTETS: Final = 3
_LAST_TAG: Final = 0x1F
_DICTIONARIES: Final = resources.files("radius.wire") / "dictionaries"
_EXTENDED_TYPES: Final = range(241, 247)
_PLACE: Final = re.compile(r"Attr(-\d{1,3})(\.\d{1,8})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Definition:
    """One attribute of the dictionary."""

    name: str
    oid: Oid
    data_type: DataType
    has_tag: bool = False
    """The value is led by an octet that says which tunnel it describes (RFC 2868 section 3)."""
    is_concat: bool = False
    """Longer values are split over attributes that follow each other (RFC 8044 section 3.6)."""
    encrypt: int = 0
    """1 hidden like User-Password, 2 salted like Tunnel-Password, 3 Ascend's; 0 in clear."""
    is_secret: bool = False
    """Never shown to people: a password, a key, or what lets one guess them off line."""
    numbers: dict[str, int] = field(default_factory=dict, compare=False, repr=False)
    enum_names: dict[int, str] = field(default_factory=dict, compare=False, repr=False)

    def decode(self, octets: bytes) -> Value | Tagged:
        """Return the value of `octets`: Tagged where the attribute has a tag, and the octets
        themselves where they do not fit the type or are encrypted."""
        if self.has_tag:
            return self._decode_tagged(octets)
        if self.encrypt:
            return octets
        return decode(self.data_type, octets)

    def encode(self, value: Value | Tagged) -> bytes:
        """Return the octets of `value`. Octets are taken as they stand; an integer may be given
        by its name, such as "Start". Raises ValueError, naming the attribute."""
        try:
            octets = self._encode(value)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        if not octets:
            raise ValueError(f"{self.name}: an empty value is left out, not sent")
        return octets

    def split_tag(self, octets: bytes) -> tuple[int, bytes]:
        """Return the tag, 0 if there is none, and the octets that remain."""
        if not self.has_tag or not octets:
            return 0, octets
        if octets[0] <= _LAST_TAG:
            return octets[0], octets[1:]
        return (0, octets[1:]) if self.encrypt else (0, octets)

    def _decode_tagged(self, octets: bytes) -> Value | Tagged:
        tag, rest = self.split_tag(octets)
        if self.encrypt:
            return Tagged(tag, rest)
        if self.data_type is not DataType.INTEGER:
            return Tagged(tag, decode(self.data_type, rest))
        if len(rest) != _INTEGER_WITHOUT_TAG_OCTETS:
            return octets
        return Tagged(tag, int.from_bytes(rest, "big"))

    def _encode(self, value: Value | Tagged) -> bytes:
        if isinstance(value, bytes):
            return value
        if self.has_tag:
            return self._encode_tagged(*(value if isinstance(value, Tagged) else (0, value)))
        if isinstance(value, Tagged):
            raise ValueError("it has no tag")
        if self.encrypt:
            raise ValueError("it is encrypted: give the octets that radius.wire.hiding makes")
        return encode(self.data_type, self._number(value))

    def _encode_tagged(self, tag: int, value: Value) -> bytes:
        """RFC 2868: integers and encrypted values always have the octet, others only if set."""
        if not 0 <= tag <= _LAST_TAG:
            raise ValueError(f"tag {tag} is outside 0..{_LAST_TAG}")
        if self.encrypt and not isinstance(value, bytes):
            raise ValueError("it is encrypted: give the octets that radius.wire.hiding makes")
        if self.data_type is DataType.INTEGER:
            return bytes((tag,)) + encode_integer(self._number(value), _INTEGER_WITHOUT_TAG_OCTETS)
        octets = encode(self.data_type, value)
        if tag or self.encrypt or (octets and octets[0] <= _LAST_TAG):
            return bytes((tag,)) + octets
        return octets

    def _number(self, value: Value) -> Value:
        if not isinstance(value, str) or not self.numbers:
            return value
        try:
            return self.numbers[value]
        except KeyError:
            raise ValueError(f"no value is named {value!r}") from None


class Dictionary:
    """Attributes by name and by place, vendors by number."""

    def __init__(self) -> None:
        self.by_name: dict[str, Definition] = {}
        self.by_oid: dict[Oid, Definition] = {}
        self.vendors: dict[int, str] = {}

    def named(self, name: str) -> Definition:
        """Return the attribute called `name`, which may also be of the form "Attr-26.311.7".

        Raises ValueError for a name that is neither.
        """
        definition = self.by_name.get(name)
        if definition is not None:
            return definition
        if _PLACE.fullmatch(name):
            oid = tuple(map(int, name.removeprefix("Attr-").split(".")))
            if _exists(oid):
                return self.placed(oid)
        raise ValueError(f"no attribute is called {name!r}")

    def placed(self, oid: Oid) -> Definition:
        """Return the attribute at `oid`; one that nobody named is "Attr-..." and octets."""
        known = self.by_oid.get(oid)
        return known or Definition("Attr-" + ".".join(map(str, oid)), oid, DataType.STRING)

    def enum_name(self, name: str, number: int) -> str | None:
        """Return what the value `number` of the attribute `name` is called."""
        return self.named(name).enum_names.get(number)

    def add(self, definition: Definition) -> None:
        """Add an attribute; of two at one place the first gives its name to what is decoded."""
        self.by_name[definition.name] = definition
        self.by_oid.setdefault(definition.oid, definition)


def read(file_name: str) -> Dictionary:
    """Return what the dictionary file `file_name` and all that it includes define.

    Raises ValueError naming file, line number and line.
    """
    dictionary = Dictionary()
    _Reader(dictionary).read(file_name)
    return dictionary


def _exists(oid: Oid) -> bool:
    """Whether a packet can have such a place: all octets, but for the number of a vendor."""
    is_extended = oid[0] in _EXTENDED_TYPES
    if len(oid) > 1 and oid[0] != VENDOR_SPECIFIC and not is_extended:
        return False
    vendor_position = 2 if is_extended and oid[1:2] == (VENDOR_SPECIFIC,) else 1
    has_vendor = oid[vendor_position - 1] == VENDOR_SPECIFIC
    return all(
        number <= (MAXIMUM_VENDOR if has_vendor and position == vendor_position else 0xFF)
        for position, number in enumerate(oid)
    )


class _Reader:
    """Reads dictionary files into one dictionary, remembering the vendor they are in."""

    def __init__(self, dictionary: Dictionary) -> None:
        self.dictionary = dictionary
        self.vendor_numbers: dict[str, int] = {}
        self.prefix: Oid = ()

    def read(self, file_name: str) -> None:
        for number, words in _lines(file_name):
            try:
                self._statement(words)
            except (KeyError, ValueError) as error:
                raise ValueError(f"{file_name}:{number}: {' '.join(words)}: {error}") from error

    def _statement(self, words: list[str]) -> None:
        match words:
            case ["ATTRIBUTE", name, place, data_type, *flags]:
                self._attribute(name, place, DataType(data_type), flags)
            case ["VALUE", attribute, name, number]:
                definition = self.dictionary.by_name[attribute]
                definition.numbers[name] = int(number, 0)
                definition.enum_names.setdefault(int(number, 0), name)
            case ["VENDOR", name, number]:
                self.vendor_numbers[name] = int(number)
                self.dictionary.vendors[int(number)] = name
            case ["BEGIN-VENDOR", name]:
                self.prefix = (VENDOR_SPECIFIC, self.vendor_numbers[name])
            case ["END-VENDOR", _]:
                self.prefix = ()
            case ["$INCLUDE", file_name]:
                self.read(file_name)
            case _:
                raise ValueError("not a statement of the dictionary syntax")

    def _attribute(self, name: str, place: str, data_type: DataType, flags: list[str]) -> None:
        options = set(",".join(flags).split(",")) - {""}
        encrypt = next((int(option[8:]) for option in options if option[:8] == "encrypt="), 0)
        if unknown := options - {"has_tag", "concat", "secret", f"encrypt={encrypt}"}:
            raise ValueError(f"unknown flags {', '.join(sorted(unknown))}")
        self.dictionary.add(
            Definition(
                name,
                self.prefix + tuple(map(int, place.split("."))),
                data_type,
                has_tag="has_tag" in options,
                is_concat="concat" in options,
                encrypt=encrypt,
                is_secret=bool(encrypt) or "secret" in options,
            )
        )


def _lines(file_name: str) -> Iterator[tuple[int, list[str]]]:
    text = (_DICTIONARIES / file_name).read_text("utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        if words := line.partition("#")[0].split():
            yield number, words


DICTIONARY: Final = read("dictionary")
