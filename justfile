# Every verb is `cargo xtask` with the same name; this file only saves typing.

# list the verbs
default:
    @just --list

# install the servers and tools that are missing
setup:
    cargo xtask setup

# watch an image become a live, routed deployment; `just demo --once`, `just demo --break edge`
demo *words:
    cargo xtask demo {{words}}

# run all tests, or those the words select: `just test -p deploy`
test *words:
    cargo xtask test {{words}}

# format, lints, house rules, dependencies, documentation
verify:
    cargo xtask verify

# the house rules alone
tidy:
    cargo xtask tidy

# which acceptance scenarios the last test run has shown
scenarios *words:
    cargo xtask scenarios {{words}}

# measure the worker and write docs/bench.md; `just bench --check`, `just bench --quick`
bench *words:
    cargo xtask bench {{words}}

# build the container image, run it, stop it, measure it; `just image --quick`
image *words:
    cargo xtask image {{words}}

# make a release; `just release 0.1.0 --dry-run`, `just release --check-reproducible`
release *words:
    cargo xtask release {{words}}

# write the client crates from proto/
codegen *words:
    cargo xtask codegen {{words}}

# render docs/ as a book
book:
    cargo xtask book

# write docs/services.md and docs/configuration-reference.md from what the worker serves and reads
docs *words:
    cargo xtask docs {{words}}

# what CI runs
ci:
    .ci/run
