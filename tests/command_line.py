"""The command line with all its commands, as tests call it."""

from rpch.cli import command_line

app = command_line()
