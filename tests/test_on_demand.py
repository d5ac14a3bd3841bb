"""Items are made when they are asked for, each time anew."""

from empaste.on_demand import OnDemand


def test_items_are_made_in_their_turn() -> None:
    made: list[int] = []

    def square(key: int) -> int:
        made.append(key)
        return key * key

    squares = OnDemand(square, range(5))
    assert len(squares) == 5
    assert made == []
    assert squares[3] == 9
    assert made == [3]
    assert list(squares[1:3]) == [1, 4]
    assert list(squares) == [0, 1, 4, 9, 16]
    assert made == [3, 1, 2, 0, 1, 2, 3, 4]
