"""python -m pinnspectra.keys: print docs/keys.md from the schema and the YAML files."""

from pinnspectra.command_line.keys import page

if __name__ == "__main__":
    print(page(), end="")
