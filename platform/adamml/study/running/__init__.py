"""The frame around any study: session, runner, progress."""
