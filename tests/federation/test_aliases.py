"""What short names after the ``@`` mean."""

import pytest

from federation.aliases import AliasTable

TABLE = AliasTable(
    {"vence": "vence.example", "nizza": "nizza.example"},
    [
        ("liguria", "liguria.example"),
        ("Liguria", "liguria.example"),
        ("saint-martin", "one.example"),
        ("saint-martin", "two.example"),
        ("nizza", "nizza-monferrato.example"),
    ],
)


@pytest.mark.parametrize(
    ("written", "realms"),
    [
        ("liguria", ("liguria.example",)),
        ("LIGURIA ", ("liguria.example",)),
        ("Liguria.Example", ("liguria.example",)),
        ("città.example", ("xn--citt-3na.example",)),
        ("saint-martin", ("one.example", "two.example")),
        # Ours stays ours, whatever a partner claims.
        ("nizza", ("nizza.example",)),
        ("vence", ("vence.example",)),
        ("nowhere", ()),
        ("", ()),
    ],
)
def test_what_a_short_name_means(written: str, realms: tuple[str, ...]) -> None:
    assert TABLE.realms(written) == realms
