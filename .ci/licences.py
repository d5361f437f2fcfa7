"""Every crate that is linked in carries a permissive licence and comes from the package registry.

Advisories need a database that is not part of a clone; `cargo audit` checks them where it is at hand.
"""
import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CDLA-Permissive-2.0",
    "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
    "Apache-2.0 WITH LLVM-exception",
}


def allowed(expression):
    """Whether an SPDX expression can be satisfied with what is allowed: OR of ANDs, with parentheses."""
    tokens = re.findall(r"\(|\)|[^\s()/]+|/", expression.replace("/", " OR "))
    at = 0

    def either():
        nonlocal at
        value = both()
        while at < len(tokens) and tokens[at] == "OR":
            at += 1
            value = both() or value
        return value

    def both():
        nonlocal at
        value = one()
        while at < len(tokens) and tokens[at] == "AND":
            at += 1
            value = one() and value
        return value

    def one():
        nonlocal at
        if tokens[at] == "(":
            at += 1
            value = either()
            at += 1
            return value
        name = tokens[at]
        at += 1
        if at < len(tokens) and tokens[at] == "WITH":
            name += " WITH " + tokens[at + 1]
            at += 2
        return name in ALLOWED

    return either()


assert allowed("MIT OR GPL-3.0") and allowed("(MIT OR X) AND ISC") and not allowed("MIT AND GPL-3.0")

metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"]))
bad = []
for package in metadata["packages"]:
    name = f"{package['name']} {package['version']}"
    if not allowed(package["license"] or "none"):
        bad.append(f"{name}: licence {package['license']!r}")
    source = package["source"]
    if source is not None and not source.startswith("registry+"):
        bad.append(f"{name}: comes from {source}")
print(f"{len(metadata['packages'])} packages, {len(bad)} not acceptable")
print("\n".join(bad))
sys.exit(bool(bad))
