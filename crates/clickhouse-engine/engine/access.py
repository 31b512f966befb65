"""Turns on SQL access control in the ClickHouse engine embedded in chdb-core. A harness trick, for tests alone.

chdb-core is the real engine behind a library interface: the same parser, planner, storage and access checks as the
server's. Its embedded mode, however, registers one read-only storage of users (`UsersConfigAccessStorage`), so
`CREATE USER` ends with "no writeable access storage", and the settings that lift this on a server are not read.
That storage keeps its entries in a writable `MemoryAccessStorage`. `enable` finds both objects in this process'
own memory by their C++ type information and makes the access control look at the writable one directly; then it
sets the flags that a server's stock `config.xml` sets. Nothing outside this process is touched.

This depends on the layout of one build. The version is pinned by the installer and checked by the caller; whatever
is not found exactly as expected ends the process with a message that says what was looked for.
"""

import ctypes  # noqa: F401  (loads libffi before the engine, so that its pages are mapped when we scan)
import mmap
import os
import re
import struct
import subprocess

import numpy

POINTER = 8
# How far into a UsersConfigAccessStorage its MemoryAccessStorage may begin.
NESTED_WITHIN = 4096
# A control block made by make_shared lies right in front of its object.
CONTROL_BLOCK_WITHIN = 64


class NotFound(SystemExit):
    def __init__(self, what):
        super().__init__(f"access control of the embedded engine: {what} not found; is the engine another version?")


def _maps():
    for line in open("/proc/self/maps"):
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+\s*(.*)", line)
        begin, end, rights, offset = (match[1], match[2], match[3], match[4])
        yield int(begin, 16), int(end, 16), rights, int(offset, 16), match[5].strip()


class Memory:
    """This process' own memory."""

    def __init__(self):
        self.file = os.open("/proc/self/mem", os.O_RDWR)

    def read(self, address, length):
        return os.pread(self.file, length, address)

    def write(self, address, data):
        os.pwrite(self.file, data, address)

    def pointer(self, address):
        return struct.unpack("<Q", self.read(address, POINTER))[0]

    def find_pointers(self, value, regions):
        """Addresses in the regions that hold this pointer."""
        found = []
        for begin, end in regions:
            try:
                data = self.read(begin, end - begin)
            except OSError:
                continue
            words = numpy.frombuffer(data[: len(data) // POINTER * POINTER], dtype="<u8")
            found += [begin + int(i) * POINTER for i in numpy.nonzero(words == value)[0]]
        return found

    def heap(self):
        return [(b, e) for b, e, rights, _, name in _maps() if rights.startswith("rw") and name in ("", "[heap]") and e - b < 2**31]


class Types:
    """Finds virtual tables of a loaded library by the mangled name of the class."""

    def __init__(self, memory, library):
        self.memory = memory
        self.segments = [m for m in _maps() if m[4] == library]
        if not self.segments:
            raise NotFound("the loaded library")
        handle = open(library, "rb")
        self.image = mmap.mmap(handle.fileno(), 0, prot=mmap.PROT_READ)
        self.relocated = self._relocated(library)

    def _relocated(self, library):
        """The sections that hold relocated pointers, virtual tables among them."""
        table = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True, check=True).stdout
        base = min(segment[0] for segment in self.segments)
        sections = re.finditer(r"\] (?:\.data\.rel\.ro|\.data)\s+PROGBITS\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", table)
        return [(base + int(s[1], 16), base + int(s[1], 16) + int(s[2], 16)) for s in sections]

    def _address(self, offset):
        for begin, end, _, start, _ in self.segments:
            if start <= offset < start + (end - begin):
                return begin + offset - start
        return None

    def vtable(self, mangled):
        """Name of the class <- its type information <- its virtual table, whose second word is that information."""
        at = -1
        while (at := self.image.find(mangled.encode() + b"\0", at + 1)) >= 0:
            for name in self.memory.find_pointers(self._address(at), self.relocated):
                for information in self.memory.find_pointers(name - POINTER, self.relocated):
                    if self.memory.pointer(information - POINTER) == 0:
                        return information + POINTER
        raise NotFound(mangled)


def enable(library):
    """Makes users writable; gives the memory and the address of the flags of the access control."""
    memory = Memory()
    types = Types(memory, library)
    config, nested, control = (
        types.vtable(name) for name in ("N2DB24UsersConfigAccessStorageE", "N2DB19MemoryAccessStorageE", "N2DB13AccessControlE")
    )
    heap = memory.heap()
    redirected = 0
    for storage in memory.find_pointers(config, heap):
        inside = [a for a in range(storage + POINTER, storage + NESTED_WITHIN, POINTER) if memory.pointer(a) == nested]
        if not inside:
            continue
        for reference in memory.find_pointers(storage, heap):
            # of all words with this value, those followed by their control block are shared pointers
            if 0 < storage - memory.pointer(reference + POINTER) <= CONTROL_BLOCK_WITHIN:
                memory.write(reference, struct.pack("<Q", inside[0]))
                redirected += 1
    if redirected == 0:
        raise NotFound("the storage of users")
    for address in memory.find_pointers(control, heap):
        if (flags := _flags(memory, address)) is not None:
            return memory, flags
    raise NotFound("the access control")


def _flags(memory, control):
    """Its switches: three that are on, others that are off, then the work factor of bcrypt, 12."""
    data = memory.read(control, 4096)
    for at in range(4000):
        if data[at : at + 3] == b"\1\1\1" and data[at + 3 : at + 9] == b"\0" * 6:
            for factor in range(at + 9, at + 20):
                if factor % 4 == 0 and data[factor : factor + 4] == b"\x0c\0\0\0":
                    return control + at
    return None


# The fifth switch: users without a row policy see all rows, as on a stock server.
ROWS_WITHOUT_POLICY = 4


def set_stock_flags(memory, flags, error_of):
    """Sets what a stock config.xml sets. `error_of(sql)` runs a statement as administrator and gives its error."""
    memory.write(flags + ROWS_WITHOUT_POLICY, b"\1")

    def switch(places, sql, complaint):
        for place in places:
            if memory.read(flags + place, 1) != b"\0":
                continue
            memory.write(flags + place, b"\1")
            if complaint not in error_of(sql):
                return
            memory.write(flags + place, b"\0")
        raise NotFound(f"the switch against {complaint}")

    error_of("CREATE USER probe IDENTIFIED WITH sha256_password BY 'probe'")
    # settings_constraints_replace_previous
    profile = "CREATE SETTINGS PROFILE OR REPLACE probe SETTINGS max_threads = 1 MIN 1 MAX 2 CHANGEABLE_IN_READONLY"
    switch(range(5, 12), profile, "NOT_IMPLEMENTED")
    # allow_impersonate_user
    switch(range(17, 32), "EXECUTE AS probe SELECT 1", "IMPERSONATE")
    for sql in ("DROP SETTINGS PROFILE probe", "DROP USER probe"):
        if complaint := error_of(sql):
            raise SystemExit(f"{sql}: {complaint}")
