#!/usr/bin/python3
"""A second verifier of Evident's formats, written from lightclient/SPEC.md alone.

It shares no code with the product. Needs Python 3.9 or newer and the package `cryptography` (Debian: python3-cryptography).

    python3 evident_verify.py PROOF [--file FILE] [--fingerprint HEX]

Section numbers (§) are those of SPEC.md.
"""

import argparse
import base64
import functools
import hashlib
import os
import re
import sys
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# --- §1: outcome classes -------------------------------------------------------------------------------------------

FORMAT, LIMIT, SIGNATURE = "format", "limit", "signature"
LEDGER, QUORUM, PROOF = "other ledger", "below quorum", "proof"


class Refused(Exception):
    """A refusal with its outcome class."""

    def __init__(self, outcome, why):
        super().__init__(why)
        self.outcome = outcome


def bad(why):
    raise Refused(FORMAT, why)


def over(why):
    raise Refused(LIMIT, why)


def need(condition, why):
    if not condition:
        bad(why)


MAX_NUMBER = 1 << 53
KIB = 1 << 10
MIB = 1 << 20


def sha256(*parts):
    h = hashlib.sha256()
    for part in parts:
        h.update(part)
    return h.digest()


# --- §1: numbers, hashes, texts ------------------------------------------------------------------------------------

_B64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_DECIMAL = re.compile(r"0|[1-9][0-9]*")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:[./]{_LABEL})*")
_NOT_PLAIN = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")
_UNSEEN = re.compile(
    "[\u0020\u00a0\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def b64(raw):
    return base64.b64encode(raw).decode()


def unb64(text, size=None, strict=True):
    """Standard base64 with padding; strict: the spare bits are zero."""
    need(isinstance(text, str) and _B64.fullmatch(text), "not base64")
    raw = base64.b64decode(text)
    if strict:
        need(b64(raw) == text, "spare bits in base64")
    if size is not None:
        need(len(raw) == size, f"base64 of {len(raw)} bytes instead of {size}")
    return raw


def hash_of(text):
    return unb64(text, 32)


def hex64(text):
    need(isinstance(text, str) and _HEX64.fullmatch(text), "not 64 lower-case hexadecimal digits")
    return text


def decimal(text, low=0, high=MAX_NUMBER):
    """A number in a text line: decimal, without sign or leading zero."""
    need(_DECIMAL.fullmatch(text), "not a decimal number")
    need(len(text) <= 19, "number beyond 64 bits")
    return in_range(int(text), low, high)


def in_range(value, low, high):
    need(value < 1 << 63, "number beyond 64 bits")
    need(value >= low, "number too small")
    if value > high:
        over("number too large")
    return value


def number(value, low=0, high=MAX_NUMBER):
    """A number in JSON."""
    need(type(value) is int, "not a number")
    return in_range(value, low, high)


def plain(value, limit=None):
    need(isinstance(value, str), "not a text")
    need(not _NOT_PLAIN.search(value), "not a plain text")
    need(limit is None or len(value.encode()) <= limit, "text too long")
    return value


def word(value):
    need(isinstance(value, str) and _WORD.fullmatch(value), "not a word")
    return value


def domain(value):
    need(isinstance(value, str) and len(value) <= 64 and _DOMAIN.fullmatch(value), "not a domain")
    return value


def origin_form(value):
    need(isinstance(value, str), "not an origin")
    name, slash, digits = value.rpartition("/")
    need(slash and re.fullmatch(r"[0-9a-f]{16}", digits), "not an origin")
    domain(name)
    return value


def utf8(raw):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        bad("not UTF-8")


# --- §1: canonical JSON --------------------------------------------------------------------------------------------

_RUN = re.compile('[^"\\\\\x00-\x1f\u2028\u2029\ufffd]*')
_INTEGER = re.compile(r"-?[1-9][0-9]*|0")
_SHORT = {'"': '"', "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LONG = re.compile(r"u00[01][0-9a-f]")
_HAS_SHORT = set("\b\f\n\r\t")
_MAX_NESTING = 32  # of any document here: a guard of the parser, above everything that a format allows
FREE_DEPTH = 8


class _JSON:
    """Reads canonical JSON and nothing else."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def fail(self, why):
        bad(f"JSON: {why} at character {self.at}")

    def peek(self):
        return self.text[self.at : self.at + 1]

    def take(self, what):
        if not self.text.startswith(what, self.at):
            self.fail(f"no {what}")
        self.at += len(what)

    def value(self, level=0):
        if level > _MAX_NESTING:
            over("JSON nested too deep")
        c = self.peek()
        if c == "{":
            return self.object(level)
        if c == "[":
            return self.list(level)
        if c == '"':
            return self.string()
        for name, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(name, self.at):
                self.at += len(name)
                return value
        m = _INTEGER.match(self.text, self.at)
        if not m:
            self.fail("no value")
        if len(m.group()) > 20 or not -(1 << 63) <= int(m.group()) < 1 << 63:
            self.fail("number beyond 64 bits")
        self.at = m.end()
        return int(m.group())

    def object(self, level):
        self.take("{")
        out, last = {}, None
        while self.peek() != "}":
            if out:
                self.take(",")
            name = self.string()
            order = name.encode()
            if last is not None and order <= last:
                self.fail("names not in order")
            last = order
            self.take(":")
            out[name] = self.value(level + 1)
        self.take("}")
        return out

    def list(self, level):
        self.take("[")
        out = []
        while self.peek() != "]":
            if out:
                self.take(",")
            out.append(self.value(level + 1))
        self.take("]")
        return out

    def string(self):
        self.take('"')
        parts = []
        while True:
            m = _RUN.match(self.text, self.at)
            parts.append(m.group())
            self.at = m.end()
            c = self.peek()
            if c == '"':
                self.at += 1
                return "".join(parts)
            if c != "\\":
                self.fail("character not allowed in a string" if c else "string without an end")
            c = self.text[self.at + 1 : self.at + 2]
            if c in _SHORT and c:
                parts.append(_SHORT[c])
                self.at += 2
                continue
            m = _LONG.match(self.text, self.at + 1)
            if not m or chr(int(m.group()[1:], 16)) in _HAS_SHORT:
                self.fail("escape not canonical")
            parts.append(chr(int(m.group()[1:], 16)))
            self.at = m.end()


def json_value(text):
    """The value of a text that is canonical JSON from the first character to the last."""
    parser = _JSON(text)
    value = parser.value()
    if parser.at != len(text):
        parser.fail("something behind the value")
    return value


def depth(value):
    """How many levels of values stand below this one."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((1 + depth(v) for v in inner), default=0)


def free_object(value):
    need(isinstance(value, dict), "not an object")
    if depth(value) > FREE_DEPTH:
        over("values nested too deep")
    return value


def parse_free_object(raw):
    return free_object(json_value(utf8(raw)))


def members_of(value, *names, optional=()):
    """The object has these members, all of them, and no others. Their order is the parser's: SPEC.md lists them sorted."""
    need(isinstance(value, dict), "not an object")
    need(list(value) == [n for n in names if n in value or n not in optional], "members missing or unknown")
    return value


def list_of(value, low=0, high=None, excess=bad):
    need(isinstance(value, list), "not a list")
    need(len(value) >= low, "list too short")
    if high is not None and len(value) > high:
        excess("list too long")
    return value


# --- FIPS 204: ML-DSA-44, verification ------------------------------------------------------------------------------

Q = 8380417
D, TAU, GAMMA1, GAMMA2, OMEGA = 13, 39, 1 << 17, (Q - 1) // 88, 80
BETA = TAU * 2
ROWS = COLUMNS = 4
MLDSA_KEY, MLDSA_SIGNATURE = 1312, 2420
ZETAS = [pow(1753, int(f"{i:08b}"[::-1], 2), Q) for i in range(256)]


def ntt(w):
    """Algorithm 41."""
    w, m, span = list(w), 0, 128
    while span:
        for start in range(0, 256, 2 * span):
            m += 1
            z = ZETAS[m]
            for j in range(start, start + span):
                t = z * w[j + span] % Q
                w[j], w[j + span] = (w[j] + t) % Q, (w[j] - t) % Q
        span //= 2
    return w


def ntt_inverse(w):
    """Algorithm 42."""
    w, m, span = list(w), 256, 1
    while span < 256:
        for start in range(0, 256, 2 * span):
            m -= 1
            z = Q - ZETAS[m]
            for j in range(start, start + span):
                t = w[j]
                w[j], w[j + span] = (t + w[j + span]) % Q, z * (t - w[j + span]) % Q
        span *= 2
    return [8347681 * x % Q for x in w]


def unpack(raw, bits):
    """256 numbers of so many bits each, the lowest bits first."""
    whole, mask = int.from_bytes(raw, "little"), (1 << bits) - 1
    return [whole >> bits * i & mask for i in range(256)]


def squeezed(shake, want):
    """`want` gives what it makes of the output's bytes, or None if they are too few."""
    size = 1024
    while (found := want(shake.digest(size))) is None:
        size *= 2
    return found


def sample_uniform(seed):
    """Algorithm 30: a polynomial below q."""

    def want(stream):
        triples = zip(stream[::3], stream[1::3], stream[2::3])
        numbers = [n for a, b, c in triples if (n := a | b << 8 | (c & 0x7F) << 16) < Q]
        return numbers[:256] if len(numbers) >= 256 else None

    return squeezed(hashlib.shake_128(seed), want)


def sample_in_ball(seed):
    """Algorithm 29: a polynomial with 39 coefficients of 1 or -1."""

    def want(stream):
        signs, at, c = int.from_bytes(stream[:8], "little"), 8, [0] * 256
        for i in range(256 - TAU, 256):
            while at < len(stream) and stream[at] > i:
                at += 1
            if at == len(stream):
                return None
            j = stream[at]
            at += 1
            c[i], c[j] = c[j], Q - 1 if signs >> (i + TAU - 256) & 1 else 1
        return c

    return squeezed(hashlib.shake_256(seed), want)


def unpack_hints(raw):
    """Algorithm 21: for each row the set of places; None if the encoding is not the one there is."""
    hints, at = [], 0
    for end in raw[OMEGA:]:
        places = list(raw[at:end])
        if not at <= end <= OMEGA or places != sorted(set(places)):
            return None
        hints.append(set(places))
        at = end
    return hints if not any(raw[at:OMEGA]) else None


def use_hint(hinted, r):
    """Algorithm 40."""
    low = r % (2 * GAMMA2)
    if low > GAMMA2:
        low -= 2 * GAMMA2
    high = 0 if r - low == Q - 1 else (r - low) // (2 * GAMMA2)
    if r - low == Q - 1:
        low -= 1
    if not hinted:
        return high
    return (high + (1 if low > 0 else -1)) % 44


@functools.lru_cache(maxsize=256)
def expand_key(public):
    """Of a public key: its digest, the matrix, and the rows of t1 * 2^d, the last two transformed."""
    seed = public[:32]
    matrix = [[sample_uniform(seed + bytes([s, r])) for s in range(COLUMNS)] for r in range(ROWS)]
    t1 = [unpack(public[32 + 320 * r : 352 + 320 * r], 10) for r in range(ROWS)]
    return hashlib.shake_256(public).digest(64), matrix, [ntt([t << D for t in row]) for row in t1]


@functools.lru_cache(maxsize=4096)
def mldsa44_verifies(public, message, signature):
    """Algorithms 3 and 8, with an empty context."""
    if len(public) != MLDSA_KEY or len(signature) != MLDSA_SIGNATURE:
        return False
    challenge, packed = signature[:32], signature[32 : 32 + 576 * COLUMNS]
    z = [[GAMMA1 - x for x in unpack(packed[576 * s : 576 * s + 576], 18)] for s in range(COLUMNS)]
    hints = unpack_hints(signature[32 + 576 * COLUMNS :])
    if hints is None or any(abs(x) >= GAMMA1 - BETA for row in z for x in row):
        return False
    digest, matrix, t1 = expand_key(public)
    mu = hashlib.shake_256(digest + b"\x00\x00" + message).digest(64)
    c, z = ntt(sample_in_ball(challenge)), [ntt(row) for row in z]
    encoded = b""
    for r in range(ROWS):
        row = [
            (sum(matrix[r][s][i] * z[s][i] for s in range(COLUMNS)) - c[i] * t1[r][i]) % Q for i in range(256)
        ]
        w1 = [use_hint(i in hints[r], x) for i, x in enumerate(ntt_inverse(row))]
        encoded += sum(x << 6 * i for i, x in enumerate(w1)).to_bytes(192, "little")
    return hashlib.shake_256(mu + encoded).digest(32) == challenge


# --- §1: verifier keys and Ed25519 ---------------------------------------------------------------------------------

AUTHOR, COSIGNER, COSIGNER_44 = 1, 4, 6


@dataclass(frozen=True)
class Key:
    text: str
    name: str
    hash: bytes  # the 4 bytes of the key hash
    raw: bytes  # the bytes of the key

    def verifies(self, message, signature):
        """Ed25519 as §1 says it, which is what OpenSSL does."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
            return True
        except (InvalidSignature, ValueError):
            return False


def key_name(name):
    need(0 < len(name.encode()) <= 64, "no name, or a long one")
    need(not _NOT_PLAIN.search(name) and "+" not in name, "not a name")
    need(not _UNSEEN.search(name), "white space or an invisible character in a name")
    return name


def parse_key(text, algorithm=AUTHOR):
    need(isinstance(text, str), "not a key")
    parts = text.split("+", 2)
    need(len(parts) == 3, "not a key")
    name, hashed, encoded = parts
    key_name(name)
    raw = unb64(encoded, 1 + (MLDSA_KEY if algorithm == COSIGNER_44 else 32))
    need(raw[0] == algorithm, "another algorithm")
    need(hashed == sha256(name.encode(), b"\n", raw)[:4].hex(), "another key hash")
    return Key(text, name, bytes.fromhex(hashed), raw[1:])


def parse_cosigner(texts):
    """A member's two keys: Ed25519, ML-DSA-44."""
    need(len(list_of(texts)) == 2, "not two cosigner keys")
    first, second = parse_key(texts[0], COSIGNER), parse_key(texts[1], COSIGNER_44)
    need(first.name == second.name, "cosigner keys of two names")
    domain(first.name)
    return first, second


# --- RFC 6962 trees ------------------------------------------------------------------------------------------------


def leaf_hash(data):
    return sha256(b"\x00", data)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def tree_root(leaves):
    if not leaves:
        return sha256()
    level = [leaf_hash(x) for x in leaves]
    while len(level) > 1:
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def in_tree(leaf, index, size, path, root):
    """RFC 9162 2.1.3.2. All numbers are below 2^54, so that no loop is long."""
    if not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def is_prefix(size1, root1, size2, root2, path):
    """RFC 9162 2.1.4.2, for 0 < size1 < size2."""
    if not 0 < size1 < size2 or not path:
        return False
    if size1 & (size1 - 1) == 0:
        path = [root1] + path
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == root1 and sr == root2


# --- Signed notes (C2SP) -------------------------------------------------------------------------------------------

DASH = "\u2014 "


def split_note(raw):
    """Text and signature lines of a note, the lines without their line feeds."""
    text = utf8(raw)
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", text), "control character in a note")
    need(text.endswith("\n"), "no line feed at the end")
    cut = text.rfind("\n\n")
    need(cut >= 0, "no empty line")
    body, rest = text[: cut + 1], text[cut + 2 :]
    need(rest, "no signature line")
    lines = rest[:-1].split("\n")
    if len(lines) > MAX_LINES:
        over("too many signature lines")
    return body, lines


def signature_line(line):
    """Name, base64 and bytes of a signature line by anybody; the base64 is not read strictly yet."""
    need(line.startswith(DASH), "not a signature line")
    name, space, encoded = line[len(DASH) :].partition(" ")
    need(space, "not a signature line")
    key_name(name)
    raw = unb64(encoded, strict=False)
    need(len(raw) >= 5, "signature too short")
    return name, encoded, raw


# --- §3: member set ------------------------------------------------------------------------------------------------


@dataclass
class Member:
    name: str
    organisation: str
    cosigner: tuple  # its keys: Ed25519, ML-DSA-44
    node: Key


@dataclass
class MemberSet:
    text: str
    members: list
    digest: bytes = b""

    def __post_init__(self):
        self.digest = sha256(self.text.encode())

    @property
    def quorum(self):
        return 2 * len(self.members) // 3 + 1

    @property
    def faults(self):
        return (len(self.members) - 1) // 3


MEMBERS_PURPOSE = "evident/members/v1\n"
MAX_MEMBERS_BYTES = 256 * KIB


def check_members(value):
    out, used, last = [], set(), ""
    for m in list_of(value, 1, 64):
        members_of(m, "addresses", "keys", "name", "node", "organisation", "registry", "roles")
        for texts in (m["addresses"], m["roles"]):
            for t in list_of(texts, 0, 16):
                plain(t, 256)
        name = domain(m["name"])
        need(name > last, "members not in order")
        last = name
        cosigner = parse_cosigner(m["keys"])
        node = parse_key(m["node"])
        need(cosigner[0].name == name and node.name == name, "key of another name")
        for key in (*cosigner, node):
            need(key.raw not in used, "a key serves twice")
            used.add(key.raw)
        need(plain(m["organisation"], 256), "no organisation")
        plain(m["registry"], 256)
        out.append(Member(name, m["organisation"], cosigner, node))
    return out


def canonical(value):
    """Canonical JSON of a value, to write the text of the first member set from the genesis."""
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda i: i[0].encode())
        return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(v) for v in value) + "]"
    if isinstance(value, str):
        short = {v: "\\" + k for k, v in _SHORT.items()}
        return '"' + "".join(short.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    return {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else str(value)


def parse_members(raw):
    if len(raw) > MAX_MEMBERS_BYTES:
        over("member set too large")
    text = utf8(raw)
    need(text.startswith(MEMBERS_PURPOSE), "not this purpose and version")
    need(text.endswith("\n"), "no line feed at the end")
    return MemberSet(text, check_members(json_value(text[len(MEMBERS_PURPOSE) : -1])))


# --- §2: genesis ---------------------------------------------------------------------------------------------------


@dataclass
class Genesis:
    fingerprint: str
    origin: str
    members: MemberSet

    @property
    def words(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bip39-english.txt")
        with open(path, encoding="ascii") as f:
            english = f.read().split()
        entropy = bytes.fromhex(self.fingerprint)[:16]
        bits = int.from_bytes(entropy, "big") << 4 | sha256(entropy)[0] >> 4
        return " ".join(english[bits >> 11 * i & 2047] for i in range(11, -1, -1))


def parse_genesis(raw):
    if len(raw) > 256 * KIB:
        over("genesis too large")
    text = utf8(raw)
    need(text.endswith("\n"), "no line feed at the end")
    g = members_of(json_value(text[:-1]), "contracts", "created", "format", "limits", "members", "name")
    need(g["format"] == "evident/genesis/v1", "not this format and version")
    last = ""
    for c in list_of(g["contracts"], 0, 64):
        members_of(c, "digest", "name", "version")
        hash_of(c["digest"])
        need(word(c["name"]) > last, "contracts not in order")
        last = c["name"]
        number(c["version"], 1)
    number(g["created"], 1)
    limits = members_of(g["limits"], "block_bytes", "block_records", "copies")
    for name, low, high in (("block_bytes", 32768, 4194304), ("block_records", 1, 10000)):
        number(limits[name], low, high)
    number(limits["copies"], 1)
    need(limits["copies"] <= len(list_of(g["members"], 1, 64)), "more copies than members")
    members = MemberSet(MEMBERS_PURPOSE + canonical(g["members"]) + "\n", check_members(g["members"]))
    domain(g["name"])
    fingerprint = sha256(raw).hex()
    return Genesis(fingerprint, f"{g['name']}/{fingerprint[:16]}", members)


# --- §4: record ----------------------------------------------------------------------------------------------------


@dataclass
class Evidence:
    cid: str
    commit: str
    mode: str
    sha256: str
    size: int


@dataclass
class Record:
    raw: bytes
    text: bytes
    id: str
    ledger: str
    by: list
    contract: str
    item: str
    seq: int
    after_size: int
    after_root: bytes
    at: int
    action: str
    evidence: list
    fields: dict
    signatures: list

    def verify(self):
        for key, signature in zip(self.by, self.signatures):
            if not key.verifies(self.text, signature):
                raise Refused(SIGNATURE, f"the signature of {key.name} is wrong")


_CID = re.compile(r"b[a-z2-7]{58}")


def check_cid(text):
    need(isinstance(text, str) and _CID.fullmatch(text), "not a CID of 59 characters")
    raw = base64.b32decode(text[1:].upper() + "======")
    need(base64.b32encode(raw).decode().lower().rstrip("=") == text[1:], "spare bits in a CID")
    need(raw[:4] in (b"\x01\x55\x12\x20", b"\x01\x70\x12\x20"), "not a CID of raw or dag-pb and SHA-256")
    return text


def check_evidence(e):
    members_of(e, "cid", "commit", "media", "mode", "name", "sha256", "size")
    check_cid(e["cid"])
    need(isinstance(e["media"], str) and re.fullmatch(r"[ -~]*", e["media"]), "media not printable ASCII")
    need(len(e["media"]) <= 127, "media too long")
    plain(e["name"], 255)
    number(e["size"])
    need(e["mode"] in ("digest", "public", "sealed"), "unknown mode")
    if e["mode"] == "sealed":
        need(e["sha256"] == "", "a sealed file with its digest")
        hash_of(e["commit"])
    else:
        hex64(e["sha256"])
        need(e["commit"] == "", "a commitment of a file that is not sealed")
    return Evidence(e["cid"], e["commit"], e["mode"], e["sha256"], e["size"])


RECORD_PURPOSE = "evident/record/v1\n"
MAX_RECORD_BYTES = 32 * KIB


def parse_record(raw):
    """Everything but the signatures themselves."""
    if len(raw) > MAX_RECORD_BYTES:
        over("record too large")
    whole = utf8(raw)
    need(whole.startswith(RECORD_PURPOSE), "not this purpose and version")
    line, feed, rest = whole[len(RECORD_PURPOSE) :].partition("\n")
    need(feed, "no line feed behind the JSON")
    r = members_of(
        json_value(line),
        *("action", "after", "at", "by", "contract", "evidence", "fields"),
        *("item", "ledger", "nonce", "prev", "seq", "version"),
    )
    word(r["action"])
    after = members_of(r["after"], "root", "size")
    after_root, after_size = hash_of(after["root"]), number(after["size"], 1)
    number(r["at"])
    by = [parse_key(k) for k in list_of(r["by"], 1, 16, over)]
    need(len({k.raw for k in by}) == len(by), "a key stands twice")
    word(r["contract"])
    evidence = [check_evidence(e) for e in list_of(r["evidence"], 0, 64, over)]
    fields = free_object(r["fields"])
    plain(r["item"], 128)
    origin_form(r["ledger"])
    need(isinstance(r["nonce"], str) and re.fullmatch(r"[0-9a-f]{32}", r["nonce"]), "not a nonce")
    seq = number(r["seq"], 1)
    if seq == 1:
        need(r["prev"] == "", "a first record has no prev")
    else:
        hex64(r["prev"])
        need(r["item"] != "", "a later record without its item")
    number(r["version"], 1)

    need(rest.startswith("\n"), "no empty line")
    lines = rest[1:].split("\n")
    need(lines.pop() == "", "no line feed at the end")
    need(len(lines) == len(by), "not one signature line for each signer")
    signatures = []
    for key, signed in zip(by, lines):
        start = f"{DASH}{key.name} "
        need(signed.startswith(start), "signature line of another name")
        blob = unb64(signed[len(start) :], 68)
        need(blob[:4] == key.hash, "signature line of another key")
        signatures.append(blob[4:])

    text = (RECORD_PURPOSE + line + "\n").encode()
    ident = sha256(text).hex()
    return Record(
        raw=raw, text=text, id=ident, ledger=r["ledger"], by=by, contract=r["contract"], item=r["item"] or ident, seq=seq,
        after_size=after_size, after_root=after_root, at=r["at"], action=r["action"], evidence=evidence, fields=fields,
        signatures=signatures,
    )  # fmt: skip


# --- §5: header ----------------------------------------------------------------------------------------------------


@dataclass
class Header:
    raw: bytes
    hash: bytes
    ledger: str
    height: int
    records: int
    records_root: bytes
    state: bytes
    members: bytes
    next: bytes


MAX_RECORDS = 10000


def parse_header(raw):
    if len(raw) > KIB:
        over("header too large")
    lines = utf8(raw).split("\n")
    need(len(lines) == 10 and lines[9] == "", "not nine lines")
    need(lines[0] == "evident/block/v1", "not this purpose and version")
    values = []
    for line, name in zip(lines[1:9], ("ledger", "height", "parent", "time", "records", "state", "members", "next")):
        need(line.startswith(name + " "), f"no line {name}")
        values.append(line[len(name) + 1 :])
    ledger, height, parent, time, records, state, members, following = values
    origin_form(ledger)
    height = decimal(height, 0, MAX_NUMBER - 1)
    hash_of(parent)
    decimal(time)
    count, space, root = records.partition(" ")
    need(space, "no root of the records")
    return Header(
        raw=raw, hash=leaf_hash(raw), ledger=ledger, height=height, records=decimal(count, 0, MAX_RECORDS),
        records_root=hash_of(root), state=hash_of(state), members=hash_of(members), next=hash_of(following),
    )  # fmt: skip


# --- §6: checkpoint and certificate --------------------------------------------------------------------------------


@dataclass
class Checkpoint:
    text: str
    size: int
    root: bytes


def parse_checkpoint(text, origin):
    if len(text.encode()) > KIB:
        over("checkpoint too large")
    need(text.endswith("\n"), "no line feed at the end")
    lines = text[:-1].split("\n")
    need(len(lines) == 3, "not three lines")
    if lines[0] != origin:
        raise Refused(LEDGER, "a checkpoint of another ledger")
    return Checkpoint(text, decimal(lines[1], 1), hash_of(lines[2]))


@dataclass
class Certificate:
    checkpoint: Checkpoint
    exact: bool  # it has the lines of the members counted, in their order, and no other byte
    signers: list  # members that were counted
    times: list  # their times, POSIX seconds
    time: int


MAX_CERTIFICATE_BYTES = 256 * KIB
MAX_LINES = 100


def parse_certificate(raw, origin, members):
    """The certificate under this set, checked in the order of §6."""
    if len(raw) > MAX_CERTIFICATE_BYTES:
        over("certificate too large")
    text, lines = split_note(raw)
    checkpoint = parse_checkpoint(text, origin)
    by_name = {m.name: m for m in members.members}
    held, counted = {}, []
    for line in lines:
        name, encoded, blob = signature_line(line)
        member = by_name.get(name)
        if member is None or len(counted) == members.quorum:
            continue
        pair = held.setdefault(name, [None, None])
        kind = next((i for i in (0, 1) if blob[:4] == member.cosigner[i].hash and pair[i] is None), None)
        if kind is None:
            continue
        pair[kind] = line, encoded
        if None not in pair:
            counted.append(read_pair(member, pair))
    if len(counted) < members.quorum:
        raise Refused(QUORUM, f"{len(counted)} of {members.quorum} members with both cosignatures")
    for c in counted:
        verify_ed25519(c, checkpoint)
    for c in counted:
        verify_mldsa44(c, checkpoint, origin)
    exact = f"{text}\n" + "".join(line + "\n" for c in counted for line in c.lines)
    times = [c.time for c in counted]
    return Certificate(checkpoint, exact.encode() == raw, [c.member for c in counted], times, sorted(times)[members.faults])


@dataclass
class Cosignature:
    member: Member
    time: int
    lines: list
    signatures: list  # Ed25519, ML-DSA-44


def read_pair(member, pair):
    """Both lines of a member: their form, and that they have one time."""
    blobs = [unb64(encoded, size) for (_, encoded), size in zip(pair, (76, 12 + MLDSA_SIGNATURE))]
    seconds = [int.from_bytes(blob[4:12], "big") for blob in blobs]
    if max(seconds) > MAX_NUMBER:
        raise Refused(SIGNATURE, "time too large")
    need(seconds[0] == seconds[1], "two lines of a member with two times")
    return Cosignature(member, seconds[0], [line for line, _ in pair], [blob[12:] for blob in blobs])


def verify_ed25519(c, checkpoint):
    message = f"cosignature/v1\ntime {c.time}\n{checkpoint.text}".encode()
    if not c.member.cosigner[0].verifies(message, c.signatures[0]):
        raise Refused(SIGNATURE, f"the Ed25519 cosignature of {c.member.name} is wrong")


def verify_mldsa44(c, checkpoint, origin):
    name = c.member.name.encode()
    message = b"".join([
        b"subtree/v1\n\x00", bytes([len(name)]), name, c.time.to_bytes(8, "big"),
        bytes([len(origin)]), origin.encode(), bytes(8), checkpoint.size.to_bytes(8, "big"), checkpoint.root,
    ])  # fmt: skip
    if not mldsa44_verifies(c.member.cosigner[1].raw, message, c.signatures[1]):
        raise Refused(SIGNATURE, f"the ML-DSA-44 cosignature of {c.member.name} is wrong")


# --- §7: state tree ------------------------------------------------------------------------------------------------

EMPTY = bytes(32)


def state_key(space, name):
    return sha256(space.encode(), b"\x00", name.encode())


def state_leaf(key, value):
    return sha256(b"\x02", key, value)


def parse_state_proof(raw):
    """(siblings from the root, the other leaf's (key, value) or None)"""
    need(len(raw) >= 3 and raw[0] in (0, 1), "not a state proof")
    n = int.from_bytes(raw[1:3], "big")
    need(n <= 256, "more than 256 siblings")
    at = 3 + (n + 7) // 8
    need(len(raw) >= at, "ends too early")
    mask = "".join(f"{b:08b}" for b in raw[3:at])
    need("1" not in mask[n:], "a bit behind the mask")
    need(n == 0 or mask[n - 1] == "1", "the last sibling is empty")
    siblings = []
    for bit in mask[:n]:
        if bit == "1":
            siblings.append(raw[at : at + 32])
            at += 32
            need(len(siblings[-1]) == 32, "ends too early")
            need(siblings[-1] != EMPTY, "an empty sibling written out")
        else:
            siblings.append(EMPTY)
    other = None
    if raw[0]:
        other = raw[at : at + 32], raw[at + 32 : at + 64]
        at += 64
    need(len(raw) == at, "ends too early or too late")
    return siblings, other


def verify_state(raw, root, key, value):
    """value: 32 bytes that must be present, or None if the key must be absent."""
    siblings, other = parse_state_proof(raw)
    n = len(siblings)
    bits = f"{int.from_bytes(key, 'big'):0256b}"
    if value is not None:
        if other:
            raise Refused(PROOF, "another leaf stands at the place")
        h = state_leaf(key, value)
    elif other:
        other_bits = f"{int.from_bytes(other[0], 'big'):0256b}"
        if other[0] == key or other_bits[:n] != bits[:n]:
            raise Refused(PROOF, "the other leaf does not belong there")
        h = state_leaf(*other)
    else:
        h = EMPTY
    for i in range(n - 1, -1, -1):
        h = sha256(b"\x03", h, siblings[i]) if bits[i] == "0" else sha256(b"\x03", siblings[i], h)
    if h != root:
        raise Refused(PROOF, "does not lead to the root")


# --- §8: block -----------------------------------------------------------------------------------------------------


def parse_block(raw):
    """(header, records). The form of the records is not looked at."""
    if len(raw) > 4 * MIB + 64 * KIB:
        over("block too large")
    frames, at, size = [], 0, 0
    while at < len(raw):
        length = shift = 0
        while True:
            need(at < len(raw), "ends too early")
            b = raw[at]
            at += 1
            length |= (b & 127) << shift
            if b < 128:
                need(b or not shift, "a needless byte in a length")
                break
            shift += 7
            need(shift < 70, "a length over 64 bits")
        need(length < 1 << 63 and length <= len(raw) - at, "ends too early")
        if len(frames) > MAX_RECORDS:
            over("too many frames")
        if frames:
            size += length
        if size > 4 * MIB:
            over("block too large")
        frames.append(raw[at : at + length])
        at += length
    need(frames, "no header")
    header = parse_header(frames[0])
    records = frames[1:]
    if len(records) != header.records or tree_root(records) != header.records_root:
        raise Refused(PROOF, "not the records of the header")
    return header, records


# --- §9: what a node signs -----------------------------------------------------------------------------------------

MAX_STATEMENT_BYTES = 8 * KIB


def check_reason(text):
    reason = members_of(json_value(text), "en", "rule", "values", "zh")
    need(all(isinstance(reason[n], str) for n in ("en", "rule", "zh")), "not a text")
    need(isinstance(reason["values"], dict), "not an object")
    need(all(isinstance(v, str) for v in reason["values"].values()), "a value that is no text")
    return reason


STATEMENTS = {
    "receipt": (("record", hex64), ("received", decimal), ("promise", decimal)),
    "refusal": (("record", hex64), ("at", decimal), ("reason", check_reason)),
    "storage": (("record", hex64), ("cid", check_cid), ("bytes", decimal), ("time", decimal)),
    "erasure": (("record", hex64), ("cid", check_cid), ("bytes", decimal), ("time", decimal)),
}


def parse_statement(kind, raw, origin, node):
    """A receipt, refusal, storage or erasure receipt of this node, checked in the order of §9."""
    if len(raw) > MAX_STATEMENT_BYTES:
        over("too large")
    text, lines = split_note(raw)
    signature = None
    for line in lines:
        name, encoded, blob = signature_line(line)
        if signature is None and name == node.name and blob[:4] == node.hash:
            signature = unb64(encoded, 68)[4:]
    if signature is None or not node.verifies(text.encode(), signature):
        raise Refused(SIGNATURE, "not signed by this node")
    need(len(lines) == 1, "not exactly one signature line")
    shape = STATEMENTS[kind]
    rows = text[:-1].split("\n")
    need(len(rows) == 2 + len(shape), "another number of lines")
    need(rows[0] == f"evident/{kind}/v1", "not this purpose and version")
    need(rows[1].startswith("ledger "), "no line ledger")
    ledger = rows[1][len("ledger ") :]
    out = {}
    for row, (name, read) in zip(rows[2:], shape):
        need(row.startswith(name + " "), f"no line {name}")
        out[name] = read(row[len(name) + 1 :])
    if ledger != origin:
        raise Refused(LEDGER, "of another ledger")
    return out


# --- §10: proof file -----------------------------------------------------------------------------------------------

MAX_PROOF_BYTES = 24 * MIB
MAX_PATH = 63
BEGINNING = b'{"format":"evident/proof/v1"'


def hashes(value, low=0):
    return [hash_of(h) for h in list_of(value, low, MAX_PATH, over)]


@dataclass
class LogProof:
    """A tlog-proof: an index, a path, and a certificate whose form nobody has looked at yet."""

    path: list
    certificate: bytes


def parse_log_proof(text, height):
    if len(text.encode()) > 72 * KIB:
        over("tlog-proof too large")
    head, empty, certificate = text.partition("\n\n")
    need(empty, "no empty line in a tlog-proof")
    lines = head.split("\n")
    need(lines[0] == "c2sp.org/tlog-proof@v1", "not a tlog-proof")
    need(len(lines) > 1 and lines[1].startswith("index "), "no index in a tlog-proof")
    # The index is part of the form: §10 defines the tlog-proof of a header by it.
    need(decimal(lines[1][len("index ") :]) == height, "the tlog-proof of another header")
    if len(certificate.encode()) > MAX_CERTIFICATE_BYTES:
        over("certificate too large")
    return LogProof(hashes(lines[2:]), certificate.encode())


@dataclass
class Change:
    header: Header
    members: bytes
    proof: LogProof


@dataclass
class ProofFile:
    genesis: Genesis
    header: Header
    history: list
    index: int
    path: list
    proof: LogProof
    record: Record
    private: list = None
    salts: list = None
    since: list = None
    state: dict = None
    storage: list = None
    together: list = None


def text_of(value):
    need(isinstance(value, str), "not a text")
    return value.encode()


def parse_proof(raw):
    """Stage "container". Raises Refused; `cut` and `foreign` are decided by the caller."""
    if len(raw) > MAX_PROOF_BYTES:
        over("proof too large")
    p = members_of(
        json_value(utf8(raw)[:-1]),
        *("format", "genesis", "header", "history", "index", "path", "private", "proof", "record", "salts", "since"),
        *("state", "storage", "together"),
        optional=("private", "salts", "since", "state", "storage", "together"),
    )
    genesis = parse_genesis(text_of(p["genesis"]))
    header = parse_header(text_of(p["header"]))
    history = []
    for c in list_of(p["history"], 0, 1000, over):
        members_of(c, "header", "members", "proof")
        h = parse_header(text_of(c["header"]))
        if len(text_of(c["members"])) > MAX_MEMBERS_BYTES:
            over("member set too large")
        history.append(Change(h, text_of(c["members"]), parse_log_proof(text_of(c["proof"]).decode(), h.height)))
    need(type(p["index"]) is int, "not a number")  # its range is the stage inclusion's
    path = hashes(p["path"])
    proof = parse_log_proof(text_of(p["proof"]).decode(), header.height)
    record = parse_record(text_of(p["record"]))
    private = salts = since = state = None
    if "private" in p:
        private = []
        for o in list_of(p["private"], 1, 256, over):
            members_of(o, "name", "salt", "value")
            private.append((text_of(o["name"]).decode(), hash_of(o["salt"]), text_of(o["value"]).decode()))
    if "salts" in p:
        salts, last = [], None
        for s in list_of(p["salts"], 1, 64, over):
            members_of(s, "index", "salt", "sha256")
            need(type(s["index"]) is int and s["index"] >= 0, "not an index")  # its range is the disclosure's
            need(last is None or s["index"] > last, "salts not in order")
            last = s["index"]
            salts.append((s["index"], hash_of(s["salt"]), hex64(s["sha256"])))
    if "since" in p:
        since = hashes(p["since"], 1)
    if "state" in p:
        s = members_of(p["state"], "header", "path", "proof", "value")
        value = text_of(s["value"])
        if len(value) > 64 * KIB:
            over("state too large")
        parse_free_object(value)
        state = {
            "header": parse_header(text_of(s["header"])),
            "path": hashes(s["path"]),
            "proof": unb64(s["proof"]),
            "value": value,
        }
        parse_state_proof(state["proof"])
    storage = together = None
    if "storage" in p:
        storage = [text_of(n) for n in list_of(p["storage"], 1, 4096, over)]
        if any(len(n) > MAX_STATEMENT_BYTES for n in storage):
            over("storage receipt too large")
    if "together" in p:
        together, last = [], None
        for t in list_of(p["together"], 1, 10000, over):
            members_of(t, "entry", "index", "path")
            need(type(t["index"]) is int, "not a number")  # its range is the stage together's
            need(last is None or t["index"] > last, "together not in order")
            last = t["index"]
            if len(text_of(t["entry"])) > 2 * KIB:
                over("entry too large")
            together.append((text_of(t["entry"]), t["index"], hashes(t["path"])))
    return ProofFile(genesis, header, history, p["index"], path, proof, record, private, salts, since, state, storage, together)


def parse_entry(raw):
    """One of many files that were recorded together."""
    e = members_of(json_value(utf8(raw)), "cid", "name", "sha256", "size")
    check_cid(e["cid"])
    plain(e["name"], 255)
    hex64(e["sha256"])
    number(e["size"])
    return e


def held_together(record):
    """How many files a record holds together, and their root. Refused if it does not hold any so."""
    need(record.contract == "files" and record.action == "batch", "the record does not hold files together")
    return number(record.fields.get("count"), 1), hash_of(record.fields.get("root"))


# --- UnixFS: the CID of a file at hand -----------------------------------------------------------------------------


def _varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _bytes_field(number_, data):
    return _varint(number_ << 3 | 2) + _varint(len(data)) + data


def leaf_of(data):
    return b"\x01\x55\x12\x20" + sha256(data), len(data), len(data)


class UnixFS:
    """Profile unixfs-v1-2025: raw leaves of 1 MiB, at most 1,024 links, balanced."""

    LEAF, WIDTH = MIB, 1024

    def __init__(self):
        self.nodes = []  # of the leaves: (binary CID, size in the DAG, size in the file)

    def leaf(self, data):
        self.nodes.append(leaf_of(data))

    @staticmethod
    def _parent(children):
        links = b"".join(
            _bytes_field(2, _bytes_field(1, cid) + _bytes_field(2, b"") + _varint(3 << 3) + _varint(total))
            for cid, total, _ in children
        )
        size = sum(c[2] for c in children)
        data = b"\x08\x02" + _varint(3 << 3) + _varint(size)
        data += b"".join(_varint(4 << 3) + _varint(c[2]) for c in children)
        block = links + _bytes_field(1, data)
        return b"\x01\x70\x12\x20" + sha256(block), len(block) + sum(c[1] for c in children), size

    def cid(self):
        level = self.nodes
        while len(level) > 1:
            level = [self._parent(level[i : i + self.WIDTH]) for i in range(0, len(level), self.WIDTH)]
        return "b" + base64.b32encode(level[0][0]).decode().lower().rstrip("=")


@dataclass
class FileAtHand:
    sha256: str
    size: int
    cid: str


def read_file(path):
    """Digest, size and CID of a file, read once and never held whole."""
    digest, size, tree = hashlib.sha256(), 0, UnixFS()
    with open(path, "rb") as f:
        while True:
            chunk = f.read(UnixFS.LEAF)
            if not chunk and size:
                break
            digest.update(chunk)
            size += len(chunk)
            tree.leaf(chunk)
            if not chunk:
                break
    return FileAtHand(digest.hexdigest(), size, tree.cid())


# --- §10: verification ---------------------------------------------------------------------------------------------

STAGES = (
    *("container", "content", "disclosure", "together", "record signature", "inclusion"),
    *("certificate", "member history", "consistency", "state", "storage", "anchors"),
)
PASSED, FAILED, ABSENT, NOT_RUN = "passed", "failed", "absent", "not run"
EXIT = {"valid": 0, "altered": 1, "incomplete": 2, "unknown ledger": 2}


@dataclass
class Report:
    verdict: str = ""
    stages: dict = field(default_factory=lambda: {s: [NOT_RUN, ""] for s in STAGES})
    codes: dict = field(default_factory=dict)  # of failed stages
    proof: ProofFile = None
    certificate: Certificate = None
    signed_after: int = None
    refusal: tuple = None  # rule and member

    @property
    def exit(self):
        return EXIT[self.verdict]

    @property
    def first_failed(self):
        return next((s for s in self.stages if self.stages[s][0] == FAILED), None)


CERTIFICATE_CODES = {LEDGER: "ledger", QUORUM: "quorum", SIGNATURE: "signature", PROOF: "proof"}


def code_of(stage, outcome):
    """The code of a failed stage, but for the container: §10."""
    if stage == "content":
        return "content.differs"
    if stage == "certificate":
        return "certificate." + CERTIFICATE_CODES.get(outcome, "format")
    if stage == "disclosure" and outcome == FIELD:
        return "disclosure.field"
    if stage == "record signature":
        return "signature.ledger" if outcome == LEDGER else "signature.wrong"
    return stage.removeprefix("member ") + ".wrong"


FIELD = "field"  # what the stage disclosure found wrong, for its code


def commitments(value):
    """The private fields that a value commits to, each as its name and digest, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from commitments(one)
    elif isinstance(value, dict):
        if value.keys() == {"digest", "name"} and all(isinstance(v, str) for v in value.values()):
            yield value["name"], value["digest"]
        for one in value.values():
            yield from commitments(one)


class _Absent(Exception):
    pass


class _NotRun(Exception):
    pass


class _Verification:
    def __init__(self, proof, file):
        self.p, self.file = proof, file
        self.report = Report(proof=proof)
        self.disclosed = {}  # index of evidence: SHA-256 that its commitment hides
        self.sets = [(0, proof.genesis.members)]
        self.certificate = None
        self.entries = None
        self.not_compared = False

    def stage(self, name, check):
        try:
            outcome = [PASSED, check() or ""]
        except _Absent as e:
            outcome = [ABSENT, str(e)]
        except _NotRun as e:
            outcome = [NOT_RUN, str(e)]
        except Refused as e:
            outcome = [FAILED, str(e)]
            self.report.codes[name] = code_of(name, e.outcome)
        self.report.stages[name] = outcome

    def needs(self, name):
        if self.report.stages[name][0] != PASSED:
            raise _NotRun(f"needs the stage {name}")

    def run(self):
        self.report.stages["container"] = [PASSED, ""]
        self.stage("disclosure", self.disclosure)
        self.stage("together", self.together)
        self.stage("content", self.content)
        self.stage("record signature", self.signature)
        self.stage("inclusion", self.inclusion)
        self.stage("member history", self.history)
        self.stage("certificate", self.check_certificate)
        self.stage("consistency", self.consistency)
        self.stage("state", self.state)
        self.stage("storage", self.storage)
        self.report.stages["anchors"] = [ABSENT, ""]
        return self.report

    def disclosure(self):
        if self.p.salts is None and self.p.private is None:
            raise _Absent
        wrong = []
        for index, salt, digest in self.p.salts or []:
            evidence = self.p.record.evidence[index] if 0 <= index < len(self.p.record.evidence) else None
            commit = b64(sha256(b"evident/commit/v1\n", salt, bytes.fromhex(digest)))
            if evidence is None or evidence.commit != commit:
                wrong.append(index)
            else:
                self.disclosed[index] = digest
        if wrong:
            self.disclosed = {}
            raise Refused(PROOF, f"no commitment of evidence {wrong[0]}")
        known = set(commitments(self.p.record.fields))
        for name, salt, value in self.p.private or []:
            opened = canonical({"name": name, "value": value}).encode()
            if (name, sha256(b"evident/field/v1\n", salt, opened).hex()) not in known:
                self.disclosed = {}
                raise Refused(FIELD, f"no commitment to this value of {name}")
        return f"{len(self.disclosed)} of the sealed files, {len(self.p.private or [])} private fields"

    def together(self):
        if self.p.together is None:
            raise _Absent
        count, root = held_together(self.p.record)
        entries = []
        for raw, index, path in self.p.together:
            entries.append(parse_entry(raw))
            if not in_tree(leaf_hash(raw), index, count, path, root):
                raise Refused(PROOF, "an entry is not under the root of the record")
        self.entries = entries
        return f"{len(entries)} of {count} files"

    def holds_together(self):
        try:
            return not self.p.record.evidence and bool(held_together(self.p.record))
        except Refused:
            return False

    def content(self):
        evidence = self.p.record.evidence
        if self.file is None:
            if not evidence and self.p.together is None:
                raise _Absent("the record has no evidence")
            raise _NotRun("no file at hand")
        if self.holds_together():
            if self.entries is None:
                self.not_compared = True
                raise _NotRun("the proof does not show which of the files it is of")
            at_hand = self.file.sha256, self.file.size, self.file.cid
            if at_hand not in [(e["sha256"], e["size"], e["cid"]) for e in self.entries]:
                raise Refused(PROOF, "the file is of none of the entries")
            return "the file of an entry"
        for i, e in enumerate(evidence):
            if e.mode == "sealed":
                if self.disclosed.get(i) == self.file.sha256:
                    return f"evidence {i}, disclosed"
            elif (e.sha256, e.size, e.cid) == (self.file.sha256, self.file.size, self.file.cid):
                return f"evidence {i}"
        if any(e.mode == "sealed" and i not in self.disclosed for i, e in enumerate(evidence)):
            self.not_compared = True
            raise _NotRun("sealed evidence is not disclosed")
        raise Refused(PROOF, "the file is none of the record's evidence")

    def signature(self):
        self.own(self.p.record.ledger)
        self.p.record.verify()
        return ", ".join(k.text for k in self.p.record.by)

    def inclusion(self):
        p = self.p
        if not in_tree(leaf_hash(p.record.raw), p.index, p.header.records, p.path, p.header.records_root):
            raise Refused(PROOF, "the record is not in the block")
        return f"record {p.index} of {p.header.records} in block {p.header.height}"

    def own(self, ledger):
        if ledger != self.p.genesis.origin:
            raise Refused(LEDGER, "of another ledger")

    def in_force(self, height):
        return [s for first, s in self.sets if first <= height][-1]

    def exact(self, raw, members):
        """A certificate with the lines of a quorum and no other."""
        certificate = parse_certificate(raw, self.p.genesis.origin, members)
        need(certificate.exact, "other lines than those of a quorum")
        return certificate

    def in_log(self, header, path, checkpoint):
        if not in_tree(header.hash, header.height, checkpoint.size, path, checkpoint.root):
            raise Refused(PROOF, f"header {header.height} is not in the log")

    def history(self):
        for change in self.p.history:
            first, members = self.sets[-1]
            header = change.header
            self.own(header.ledger)
            need(len(self.sets) == 1 or header.height >= first, "changes not in ascending order")
            if header.members != members.digest:
                raise Refused(PROOF, f"header {header.height} names another member set")
            certificate = self.exact(change.proof.certificate, members)
            if certificate.checkpoint.size != header.height + 1:
                raise Refused(PROOF, "the certificate of another height")
            self.in_log(header, change.proof.path, certificate.checkpoint)
            following = parse_members(change.members)
            if following.digest != header.next or header.next == header.members:
                raise Refused(PROOF, f"header {header.height} does not announce that set")
            self.sets.append((header.height + 1, following))
        return f"{len(self.p.history)} changes"

    def check_certificate(self):
        self.needs("member history")
        p = self.p
        first, members = self.sets[-1]
        certificate = self.exact(p.proof.certificate, members)
        if certificate.checkpoint.size - 1 < first:
            bad("the certificate is older than its member set")
        self.own(p.header.ledger)
        if p.header.members != self.in_force(p.header.height).digest:
            raise Refused(PROOF, "the header names another member set")
        self.in_log(p.header, p.proof.path, certificate.checkpoint)
        self.certificate = self.report.certificate = certificate
        return f"block {certificate.checkpoint.size - 1}, by " + ", ".join(m.name for m in certificate.signers)

    def consistency(self):
        p = self.p
        self.needs("certificate")
        if p.since is None:
            raise _Absent
        log = self.certificate.checkpoint
        if p.record.after_size > p.header.height:
            raise Refused(PROOF, "the record names a checkpoint that did not exist yet")
        if not is_prefix(p.record.after_size, p.record.after_root, log.size, log.root, p.since):
            raise Refused(PROOF, "the checkpoint of the record is not of this log")
        self.report.signed_after = p.record.after_size - 1
        return f"signed after block {p.record.after_size - 1}"

    def state(self):
        p = self.p
        self.needs("certificate")
        if p.state is None:
            raise _Absent
        header = p.state["header"]
        if header.height < p.header.height:
            raise Refused(PROOF, "a state older than the record")
        self.own(header.ledger)
        if header.members != self.in_force(header.height).digest:
            raise Refused(PROOF, "the header names another member set")
        self.in_log(header, p.state["path"], self.certificate.checkpoint)
        verify_state(p.state["proof"], header.state, state_key(p.record.contract, p.record.item), sha256(p.state["value"]))
        return f"at block {header.height}"

    def storage(self):
        self.needs("member history")
        if self.p.storage is None:
            raise _Absent
        last = None
        for raw in self.p.storage:
            name, receipt = self.receipt(raw)
            if receipt["record"] != self.p.record.id or not any(
                e.mode != "digest" and (e.cid, e.size) == (receipt["cid"], receipt["bytes"]) for e in self.p.record.evidence
            ):
                raise Refused(PROOF, "a storage receipt of no file of this record")
            place = receipt["cid"], name
            need(last is None or place > last, "storage receipts not in order")
            last = place
        return f"{len(self.p.storage)} receipts"

    def receipt(self, raw):
        """The member that signed a storage receipt, and what it says. The sets are tried from the newest on."""
        refused = Refused(SIGNATURE, "a storage receipt of no member")
        for _, members in reversed(self.sets):
            for m in members.members:
                try:
                    out = parse_statement("storage", raw, self.p.genesis.origin, m.node)
                except Refused as e:
                    refused = e
                    continue
                out["bytes"] = int(out["bytes"])
                return m.name, out
        raise refused


def verify_proof(raw, fingerprint=None, file=None):
    """The report on a proof file. `fingerprint`: 64 hexadecimal digits or None. `file`: a FileAtHand or None."""

    def ended(verdict, why, reason):
        report = Report(verdict)
        report.stages["container"] = [FAILED, why]
        report.codes["container"] = f"container.{reason}"
        return report

    if BEGINNING.startswith(raw) or raw.startswith(BEGINNING) and not raw.endswith(b"}\n"):
        return ended("incomplete", "the end is missing", "cut")
    if not raw.startswith(BEGINNING[:-2]):
        return ended("incomplete", "not a proof", "foreign")
    if not raw.startswith(BEGINNING):
        return ended("incomplete", "not a proof of this version", "version")
    try:
        proof = parse_proof(raw)
    except Refused as e:
        return ended("altered", str(e), e.outcome if e.outcome == LIMIT else FORMAT)
    run = _Verification(proof, file)
    report = run.run()
    if report.first_failed:
        report.verdict = "altered"
    elif run.not_compared:
        report.verdict = "incomplete"
    elif fingerprint != proof.genesis.fingerprint:
        report.verdict = "unknown ledger"
    else:
        report.verdict = "valid"
    return report


# --- section 12: files without a proof of a record -----------------------------------------------------------------


@dataclass
class Unrecorded:
    """What a state proof, the file of a refused record, or an accusation has in common with a proof."""

    genesis: Genesis
    history: list
    header: Header = None
    proof: LogProof = None
    record: Record = None
    space: str = None
    name: str = None
    state: bytes = None
    value: bytes = None
    refusal: bytes = None
    member: str = None
    cosigned: list = None  # of an accusation: (note, header or None, path or None), twice


def history_of(value):
    out = []
    for c in list_of(value, 0, 1000, over):
        members_of(c, "header", "members", "proof")
        h = parse_header(text_of(c["header"]))
        if len(text_of(c["members"])) > MAX_MEMBERS_BYTES:
            over("member set too large")
        out.append(Change(h, text_of(c["members"]), parse_log_proof(text_of(c["proof"]).decode(), h.height)))
    return out


def parse_item(raw):
    if len(raw) > MAX_PROOF_BYTES:
        over("state proof too large")
    names = ("format", "genesis", "header", "history", "name", "proof", "space", "state", "value")
    p = members_of(json_value(utf8(raw)[:-1]), *names, optional=("value",))
    header = parse_header(text_of(p["header"]))
    out = Unrecorded(parse_genesis(text_of(p["genesis"])), history_of(p["history"]), header)
    out.proof = parse_log_proof(text_of(p["proof"]).decode(), header.height)
    out.space, out.name = text_of(p["space"]).decode(), text_of(p["name"]).decode()
    if len(out.name.encode()) > 128 or len(out.space.encode()) > 255:
        over("name too long")
    need(re.fullmatch(r"[a-z0-9_]+", out.space) and out.name, "not a space, or no name")
    if out.space == "digest":
        hex64(out.name)
    out.state = unb64(p["state"])
    parse_state_proof(out.state)
    if "value" in p:
        out.value = text_of(p["value"])
        if len(out.value) > 64 * KIB:
            over("state too large")
        parse_free_object(out.value)
    return out


def parse_refused(raw):
    if len(raw) > MAX_PROOF_BYTES:
        over("file too large")
    p = members_of(json_value(utf8(raw)[:-1]), "format", "genesis", "history", "record", "refusal")
    out = Unrecorded(parse_genesis(text_of(p["genesis"])), history_of(p["history"]))
    out.record, out.refusal = parse_record(text_of(p["record"])), text_of(p["refusal"])
    if len(out.refusal) > MAX_STATEMENT_BYTES:
        over("refusal too large")
    return out


def parse_cosigned(value):
    members_of(value, "header", "note", "path", optional=("header", "path"))
    need(("header" in value) == ("path" in value), "a header without its path, or a path without its header")
    note, header, path = text_of(value["note"]), None, None
    if len(note) > 5 * KIB:
        over("cosigned checkpoint too large")
    if "header" in value:
        header, path = parse_header(text_of(value["header"])), [hash_of(h) for h in list_of(value["path"], 0, 63, over)]
    return note, header, path


def parse_accusation(raw):
    if len(raw) > MAX_PROOF_BYTES:
        over("accusation too large")
    p = members_of(json_value(utf8(raw)[:-1]), "format", "genesis", "history", "member", "one", "other")
    out = Unrecorded(parse_genesis(text_of(p["genesis"])), history_of(p["history"]))
    out.member = text_of(p["member"]).decode()
    if len(out.member.encode()) > 64:
        over("name too long")
    out.cosigned = [parse_cosigned(p["one"]), parse_cosigned(p["other"])]
    return out


def open_cosigned(note, origin, member):
    """The checkpoint of a note that has both lines of the member and nothing else."""
    text, cut, lines = utf8(note).partition("\n\n")
    need(cut, "not a note")
    checkpoint = parse_checkpoint(text + "\n", origin)
    lines = lines.split("\n")
    need(len(lines) == 3 and lines[2] == "", "not two lines")
    pair = []
    for line, key in zip(lines, member.cosigner):
        start = f"{DASH}{member.name} "
        need(line.startswith(start), "a line of another name")
        encoded = line[len(start) :]
        if unb64(encoded)[:4] != key.hash:
            raise Refused(SIGNATURE, "a line of another key")
        pair.append((line, encoded))
    c = read_pair(member, pair)
    verify_ed25519(c, checkpoint)
    verify_mldsa44(c, checkpoint, origin)
    return checkpoint


class _Unrecorded(_Verification):
    def cosignatures(self):
        self.needs("member history")
        why = Refused(SIGNATURE, "not a member")
        for _, members in reversed(self.sets):
            for m in members.members:
                if m.name != self.p.member:
                    continue
                try:
                    self.logs = [open_cosigned(note, self.p.genesis.origin, m) for note, _, _ in self.p.cosigned]
                    return f"both by {m.name}"
                except Refused as e:
                    why = e
        raise why

    def contradiction(self):
        self.needs("cosignatures")
        (_, header, path), (_, header2, path2) = self.p.cosigned
        one, other = self.logs
        need((one.size, one.root) < (other.size, other.root), "the same checkpoint, or not in ascending order")
        same = one.size == other.size
        need(same == (header is None) == (header2 is None), "headers are there exactly if the sizes differ")
        if same:
            self.report.differs = one.size - 1
            return f"two ledgers of {one.size} blocks"
        self.own(header.ledger)
        self.own(header2.ledger)
        if header.height != header2.height or header.raw == header2.raw:
            raise Refused(PROOF, "no contradiction is shown")
        self.in_log(header, path, one)
        self.in_log(header2, path2, other)
        self.report.differs = header.height
        return f"two ledgers that differ in block {header.height}"

    def item(self):
        self.needs("certificate")
        p = self.p
        key = sha256(p.space.encode(), b"\0", bytes.fromhex(p.name) if p.space == "digest" else p.name.encode())
        verify_state(p.state, p.header.state, key, None if p.value is None else sha256(p.value))
        return f"at block {p.header.height}"

    def refused(self):
        self.needs("member history")
        why = Refused(SIGNATURE, "signed by no member's node")
        for _, members in reversed(self.sets):
            for m in members.members:
                try:
                    said = parse_statement("refusal", self.p.refusal, self.p.genesis.origin, m.node)
                except Refused as e:
                    why = e
                    continue
                if said["record"] != self.p.record.id:
                    raise Refused(PROOF, "the refusal of another record")
                self.report.refusal = (said["reason"]["rule"], m.name)
                return f"by {m.name}"
        raise why


def verify_other(raw, fingerprint=None):
    """The report on a state proof, on the file of a refused record, or on an accusation."""
    kind = next((k for k in ("state", "accusation") if raw.startswith(b'{"format":"evident/%s/v' % k.encode())), "refused")
    beginning = b'{"format":"evident/' + kind.encode() + b'/v1"'
    names = {
        "state": ("container", "certificate", "member history", "state", "anchors"),
        "refused": ("container", "record signature", "member history", "refusal", "anchors"),
        "accusation": ("container", "member history", "cosignatures", "contradiction"),
    }[kind]

    def ended(verdict, why, reason):
        report = Report(verdict)
        report.codes["container"] = f"container.{reason}"
        report.stages = {s: [NOT_RUN, ""] for s in names} | {"container": [FAILED, why]}
        return report

    if beginning.startswith(raw) or raw.startswith(beginning) and not raw.endswith(b"}\n"):
        return ended("incomplete", "the end is missing", "cut")
    if not raw.startswith(beginning[:-2]):
        return ended("incomplete", "not such a file", "foreign")
    if not raw.startswith(beginning):
        return ended("incomplete", "not a file of this version", "version")
    try:
        p = {"state": parse_item, "refused": parse_refused, "accusation": parse_accusation}[kind](raw)
    except Refused as e:
        return ended("altered", str(e), e.outcome if e.outcome == LIMIT else FORMAT)
    run = _Unrecorded(p, None)
    run.report.stages = {s: [ABSENT if s == "anchors" else NOT_RUN, ""] for s in names} | {"container": [PASSED, ""]}
    if kind == "refused":
        run.stage("record signature", run.signature)
    run.stage("member history", run.history)
    if kind == "state":
        run.stage("certificate", run.check_certificate)
        run.stage("state", run.item)
    elif kind == "refused":
        run.stage("refusal", run.refused)
    else:
        run.stage("cosignatures", run.cosignatures)
        run.stage("contradiction", run.contradiction)
    report = run.report
    failed = report.first_failed
    report.verdict = "altered" if failed else "valid" if fingerprint == p.genesis.fingerprint else "unknown ledger"
    return report


# --- command line --------------------------------------------------------------------------------------------------


def show(report):
    for stage, (outcome, note) in report.stages.items():
        print(f"{stage + ':':<18}{outcome}" + (f" ({note})" if note else ""))
    print(f"{'verdict:':<18}{report.verdict}")
    p = report.proof
    if report.verdict == "unknown ledger":
        print(f"fingerprint {p.genesis.fingerprint}\nwords {p.genesis.words}")
    if report.verdict == "valid" and isinstance(p, Unrecorded):
        if p.member:
            print(f"{p.member} cosigned two ledgers that differ in block {report.differs}")
        elif p.record:
            print(f"record {p.record.id} was refused by rule {report.refusal[0]}, says {report.refusal[1]}")
        else:
            print(f"{p.space} {p.name}, height {p.header.height}: {p.value.decode() if p.value else 'nothing'}")
    elif report.verdict == "valid":
        print(f"record {p.record.id}, height {p.header.height}, existed by {report.certificate.time}")


def main():
    parser = argparse.ArgumentParser(description="Verifies a proof file of an Evident ledger.")
    parser.add_argument("proof")
    parser.add_argument("--file", help="the file that the record speaks of")
    parser.add_argument("--fingerprint", help="the fingerprint of the ledger that you trust, 64 hexadecimal digits")
    # Exit codes 0 to 2 are verdicts: whatever is no verdict ends with 3.
    parser.exit_on_error = False
    parser.error = lambda message: parser.exit(3, f"{parser.prog}: {message}\n")
    args = parser.parse_args()
    if args.fingerprint and not _HEX64.fullmatch(args.fingerprint):
        parser.error("a fingerprint is 64 lower-case hexadecimal digits")
    try:
        with open(args.proof, "rb") as f:
            raw = f.read(MAX_PROOF_BYTES + 1)
            if len(raw) > MAX_PROOF_BYTES:  # refused, but the verdict depends on how it ends
                f.seek(-2, os.SEEK_END)
                raw += f.read()
        file = read_file(args.file) if args.file else None
    except OSError as e:
        parser.error(str(e))
    other = raw.startswith((b'{"format":"evident/state/v', b'{"format":"evident/refused/v', b'{"format":"evident/accusation/v'))
    report = verify_other(raw, args.fingerprint) if other else verify_proof(raw, args.fingerprint, file)
    show(report)
    return report.exit


if __name__ == "__main__":
    sys.exit(main())
