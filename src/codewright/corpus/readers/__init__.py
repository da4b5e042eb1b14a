"""One file per kind of container. Each is a plugin with three functions:

    def fits(path: Path, head: bytes) -> bool: ...           # by what it holds, never by its name
    def cut(place: Place, options: Options) -> list[Piece]: ...   # into tasks; Broken where it cannot be opened
    def members(piece: Piece, options: Options) -> Iterator[Member | Skip | Trouble]: ...

`members` yields in an order that the container alone decides, holds one member in memory at a time, and writes
nothing anywhere. It may raise Broken: what came before is kept, the rest is one row in quarantine.
"""
