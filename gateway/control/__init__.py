"""Control of a running gateway from the same machine: dial, say, hang up, list; over a Unix socket."""
