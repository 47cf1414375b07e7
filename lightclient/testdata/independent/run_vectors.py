#!/usr/bin/python3
"""Runs every vector of ../vectors against evident_verify.py.

Prints a line for each vector that comes out otherwise than its head says, and last "N passed, N failed".
"""

import base64
import functools
import pathlib
import re
import sys
import zlib

import evident_verify as ev

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"

def read(path):
    head, _, body = path.read_bytes().partition(b"\n\n")
    head = dict(line.split(": ", 1) for line in head.decode().split("\n"))
    encoding = head.get("encoding")
    if encoding:
        body = base64.b64decode(body.removesuffix(b"\n"), validate=True)
        if encoding == "zlib":
            body = zlib.decompress(body)
        elif encoding != "base64":
            raise ValueError(f"unknown encoding {encoding}")
    return head, body


def ledger():
    _, body = read(VECTORS / "genesis" / "plain.txt")
    return ev.parse_genesis(body)


LEDGER = ledger()
NODE = LEDGER.members.members[0].node


def genesis(head, body):
    g = ev.parse_genesis(body)
    return f"origin {g.origin}, words {g.words}"


def members(head, body):
    m = ev.parse_members(body)
    return f"digest {ev.b64(m.digest)}, quorum {m.quorum}, faults {m.faults}"


def record(head, body):
    r = ev.parse_record(body)
    r.verify()
    return f"id {r.id}, leaf {ev.b64(ev.leaf_hash(body))}"


def header(head, body):
    return f"hash {ev.b64(ev.parse_header(body).hash)}"


def checkpoint(head, body):
    ev.parse_checkpoint(ev.utf8(body), LEDGER.origin)


def certificate(head, body):
    c = ev.parse_certificate(body, LEDGER.origin, LEDGER.members)
    return f"height {c.checkpoint.size - 1}, time {c.time}"


def state(head, body):
    value = ev.hash_of(head["value"]) if "value" in head else None
    ev.verify_state(body, ev.hash_of(head["root"]), ev.state_key(head["space"], head["name"]), value)


def block(head, body):
    return f"records {len(ev.parse_block(body)[1])}"


def receipt(head, body):
    return "promise {promise}".format(**ev.parse_statement("receipt", body, LEDGER.origin, NODE))


def refusal(head, body):
    return "rule {rule}".format(**ev.parse_statement("refusal", body, LEDGER.origin, NODE)["reason"])


def kept(kind):
    return lambda head, body: "bytes {bytes} of {cid}, time {time}".format(
        **ev.parse_statement(kind, body, LEDGER.origin, NODE)
    )


def json(head, body):
    ev.parse_free_object(body)


@functools.cache
def pattern_leaf(value, size):
    return ev.leaf_of(bytes([value]) * size)


def cid(head, body):
    """A file whose byte i is i // 2^20 % 251."""
    size = int(re.fullmatch(rb"bytes (\d+)\n", body)[1])
    tree = ev.UnixFS()
    starts = range(0, size, ev.MIB) or [0]
    tree.nodes = [pattern_leaf(at // ev.MIB % 251, min(ev.MIB, size - at)) for at in starts]
    return tree.cid()


def key(head, body):
    ev.parse_key(ev.utf8(body))


def cosigner_keys(head, body):
    ev.parse_cosigner(ev.utf8(body).split("\n"))


FORMATS = {
    "cid": cid,
    "json": json,
    "key": key,
    "cosigner-keys": cosigner_keys,
    "genesis": genesis,
    "members": members,
    "record": record,
    "header": header,
    "checkpoint": checkpoint,
    "certificate": certificate,
    "state": state,
    "block": block,
    "receipt": receipt,
    "refusal": refusal,
    "storage": kept("storage"),
    "erasure": kept("erasure"),
}


def run_proof(head, body):
    """Outcome, as the head spells it, and result."""
    file = None
    if "file" in head:
        data = base64.b64decode(head["file"], validate=True)
        tree = ev.UnixFS()
        tree.leaf(data)
        file = ev.FileAtHand(ev.sha256(data).hex(), len(data), tree.cid())
    report = ev.verify_proof(body, LEDGER.fingerprint, file)
    found = report.verdict
    if report.first_failed:
        found += f" {report.codes[report.first_failed]}"
    result = None
    if found == "valid":
        p = report.proof
        result = f"record {p.record.id}, height {p.header.height}, existed by {report.certificate.time}"
    return found, result


def run_other(head, body):
    report = ev.verify_other(body, LEDGER.fingerprint)
    found = report.verdict
    if report.first_failed:
        return f"{found} {report.codes[report.first_failed]}", None
    p, result = report.proof, None
    if found == "valid" and head["format"] == "item":
        value = ev.sha256(p.value or b"").hex()
        result = f"{value}, height {p.header.height}, existed by {report.certificate.time}"
    elif found == "valid" and head["format"] == "accusation":
        result = f"{p.member}, block {report.differs}"
    elif found == "valid":
        result = "record {}, rule {}, by {}".format(p.record.id, *report.refusal)
    return found, result


def run(head, body):
    if head["format"] == "proof":
        return run_proof(head, body)
    if head["format"] in ("item", "refused", "accusation"):
        return run_other(head, body)
    try:
        return "ok", FORMATS[head["format"]](head, body)
    except ev.Refused as refused:
        return refused.outcome, None


def spec_examples():
    """The examples of SPEC.md are vectors: their bytes must be the same."""
    spec = (VECTORS.parent.parent / "SPEC.md").read_text(encoding="utf-8")
    for name, example in re.findall(r"<!-- vector (\S+) -->\n```\n(.*?)```\n", spec, re.S):
        head, body = read(VECTORS / f"{name}.txt")
        shown = {example.encode(), example[:-1].encode()}
        if re.fullmatch(r"[0-9a-f\n]+", example):
            shown.add(bytes.fromhex(example.replace("\n", "")))
        yield f"SPEC.md {name}", body in shown, "the bytes of the vector"
    for name, result in re.findall(r"<!-- result (\S+) -->\n```\n(.*?)\n```\n", spec, re.S):
        head, _ = read(VECTORS / f"{name}.txt")
        yield f"SPEC.md result {name}", head.get("result") == result, "the result of the vector"


def main():
    passed = failed = 0
    for path in sorted(VECTORS.glob("*/*.txt")):
        name = f"{path.parent.name}/{path.stem}"
        try:
            head, body = read(path)
            if head["format"] != path.parent.name:
                raise ValueError("in the folder of another format")
            outcome, result = run(head, body)
            agreed = outcome == head["outcome"] and (outcome not in ("ok", "valid") or result == head.get("result"))
            wanted = f"{head['outcome']} {head.get('result') or ''}".rstrip()
        except Exception as e:  # a crash is a failure of this vector, and the others still run
            agreed, outcome, result, wanted = False, f"{type(e).__name__}: {e}", None, "no crash"
        if agreed:
            passed += 1
        else:
            failed += 1
            print(f"{name}: wanted {wanted}, found {outcome} {result or ''}".rstrip())
    for name, agreed, wanted in spec_examples():
        if agreed:
            passed += 1
        else:
            failed += 1
            print(f"{name}: is not {wanted}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
