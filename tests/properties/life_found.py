"""Lives of subscriptions that went wrong once, made smaller by hand and by hypothesis."""

from tests.properties.life_cases import BAD, GOOD, Ask, Card, Life, Pass, Pay

FOUND = {
    "what was taken back before it was issued, and is billed again, is on an invoice that is issued": Life(
        (
            Card(BAD),
            Pass(42),
            Pass(39),
            Card(GOOD),
            Pay(),
            Ask("pause", (("when", "now"),)),
            Pass(days=18, hours=21),
            Ask("resume"),
            Pass(20),
        )
    ),
    "what a change at once charged is given back by a pause, though its invoice came to less": Life(
        (
            Pass(10),
            Ask("changes", (("quantity", 3), ("when", "now"))),
            Pass(5),
            Ask("pause", (("when", "now"),), times=2),
            Pass(40),
            Ask("resume"),
            Pass(to_renewal=True),
            Ask("cancel", (("when", "now"),)),
        )
    ),
}
