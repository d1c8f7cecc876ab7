"""Is an HDF5 file safe to read? Told from its links and headers, in one walk, before any value is read.

An HDF5 file can make its reader open other files (external storage, external links, virtual datasets), load code
(filters), loop (links) or ask for terabytes (declared shapes). None of it occurs in an honest H5AD.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import h5py

from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.filters import CODECS, register_filters
from catchment.singlecell.rules import shown

# what h5py raises on damaged files; UnicodeDecodeError is a ValueError
READ_FAULTS = (OSError, EOFError, KeyError, RuntimeError, ValueError, TypeError, OverflowError)
READERS = re.compile(r"(^|/)(h5py|imagecodecs|gzip\.py|_compression\.py)(/|$)")

# HDF5's own filters 1-6, h5py's lzf, and what we decode; anything else would be loaded from a plugin folder
ALLOWED_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000, *CODECS})
MAX_OBJECTS = 200_000
MAX_DEPTH = 100
MAX_DECLARED_BYTES = 4 << 30
MAX_EXPANSION = 1000
MAX_UNWRITTEN_BYTES = 64 << 20  # declared by a dataset that stores nothing: all of it would read as zeros

Address = tuple[int, int]


@contextlib.contextmanager
def opened(path: str) -> Iterator[h5py.File]:
    """Yield an HDF5 file for reading. Locks are not taken: submitted files never change."""
    register_filters()
    with h5py.File(path, "r", locking=False) as file:
        yield file


def is_damage(error: BaseException) -> bool:
    """Tell whether an error is a file's and not ours: raised by what opens, reads or decompresses files.

    A `ValueError` of our own code says nothing of the file; nor does anything that the writer of a SOMA raises.
    """
    if isinstance(error, OSError):
        return True
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    return innermost is not None and READERS.search(innermost.tb_frame.f_code.co_filename) is not None


@dataclass
class Walk:
    """What the walk over a file has seen: groups by address with what they contain, soft links to look at last."""

    findings: list[Finding] = field(default_factory=list)
    seen: set[Address] = field(default_factory=set)
    children: dict[Address, list[tuple[str, Address]]] = field(default_factory=dict)
    soft: list[tuple[h5py.Group, str, str]] = field(default_factory=list)


def container_findings(file: h5py.File) -> tuple[Finding, ...]:
    """Return every breach of the container rules; reads links and headers only.

    Raises
    ------
    READ_FAULTS
        Where the file is damaged.
    """
    walk = Walk()
    waiting: list[tuple[str, Any]] = [("", file)]
    walk.seen.add(address_of(file))
    while waiting:
        path, group = waiting.pop()
        if path.count("/") > MAX_DEPTH:
            walk.findings.append(rules.TOO_DEEP.broken(shown(path), f"more than {MAX_DEPTH} groups inside each other"))
            return tuple(walk.findings)
        waiting += visit_group(walk, path, group)
        if len(walk.seen) > MAX_OBJECTS:
            walk.findings.append(rules.TOO_MANY_OBJECTS.broken("/", f"more than {MAX_OBJECTS:,} objects"))
            return tuple(walk.findings)
    if not any(finding.code == rules.EXTERNAL_LINK.code for finding in walk.findings):
        follow_soft_links(walk)  # safe only now: none of them can lead out of the file
    walk.findings += cycle_findings(walk.children, address_of(file))
    return tuple(sorted(walk.findings, key=lambda finding: (finding.code, finding.where)))


def address_of(item: Any) -> Address:
    """Return what identifies an HDF5 object within its file, whatever path led to it."""
    info = h5py.h5o.get_info(item.id)
    return int(info.fileno), int(info.addr)


def visit_group(walk: Walk, path: str, group: Any) -> list[tuple[str, Any]]:
    """Check every member of a group and return the groups among them that were not seen before."""
    below: list[tuple[str, Any]] = []
    inside = walk.children.setdefault(address_of(group), [])
    for name in group:
        where = f"{path}/{shown(name)}"
        link = link_of(group, name)
        if isinstance(link, h5py.SoftLink):
            walk.soft.append((group, name, where))
            continue
        if not isinstance(link, h5py.HardLink):
            target = f"an external link to {shown(link.filename)!r}" if link else "a user-defined link"
            walk.findings.append(rules.EXTERNAL_LINK.broken(where, target))
            continue
        item = group[name]
        address = address_of(item)
        if isinstance(item, h5py.Group):
            inside.append((where, address))
        if address in walk.seen:
            continue
        walk.seen.add(address)
        if isinstance(item, h5py.Group):
            below.append((where, item))
        elif isinstance(item, h5py.Dataset):
            walk.findings += dataset_findings(where, item)
    return below


def link_of(group: Any, name: str) -> Any:
    """Return a member's link without following it; None for a kind that HDF5 itself does not define."""
    try:
        return group.get(name, getlink=True)
    except TypeError:
        return None


def dataset_findings(where: str, dataset: Any) -> list[Finding]:
    """Return what a dataset's header alone breaks."""
    if dataset.is_virtual:
        return [rules.VIRTUAL_DATASET.broken(where, "a virtual dataset")]
    if dataset.external:
        return [rules.EXTERNAL_STORAGE.broken(where, f"stored in {shown(dataset.external[0][0])!r}")]
    findings = []
    plist = dataset.id.get_create_plist()
    filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
    if not filters <= ALLOWED_FILTERS:
        unknown = ", ".join(str(number) for number in sorted(filters - ALLOWED_FILTERS))
        findings.append(rules.FILTER.broken(where, f"filter {unknown}"))
    declared = prod(dataset.shape or ()) * dataset.dtype.itemsize
    stored = int(dataset.id.get_storage_size())
    expanding = declared > MAX_DECLARED_BYTES and declared > MAX_EXPANSION * stored
    if expanding or (stored == 0 and declared > MAX_UNWRITTEN_BYTES):
        findings.append(rules.SHAPE_BOMB.broken(where, f"{declared:,} bytes declared, {stored:,} stored"))
    return findings


def follow_soft_links(walk: Walk) -> None:
    """Note which groups soft links lead to; one that leads nowhere is as good as none."""
    for group, name, where in walk.soft:
        try:
            target = group[name]
        except KeyError:
            continue
        except (OSError, RuntimeError):
            walk.findings.append(rules.CYCLE.broken(where, "a soft link that leads back to itself"))
            continue
        if isinstance(target, h5py.Group):
            walk.children[address_of(group)].append((where, address_of(target)))


def cycle_findings(children: dict[Address, list[tuple[str, Address]]], root: Address) -> list[Finding]:
    """Return a finding for each link that leads back to a group which contains it."""
    findings = []
    open_groups, done = {root}, set()
    trail = [(root, iter(children.get(root, ())))]
    while trail:
        group, remaining = trail[-1]
        step = next(remaining, None)
        if step is None:
            open_groups.discard(group)
            done.add(group)
            trail.pop()
            continue
        where, target = step
        if target in open_groups:
            findings.append(rules.CYCLE.broken(where, "a group that contains itself"))
        elif target not in done:
            open_groups.add(target)
            trail.append((target, iter(children.get(target, ()))))
    return findings
