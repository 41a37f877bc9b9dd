"""Lives of subscriptions that went wrong once, made smaller by hand and by hypothesis."""

from tests.properties.life_cases import Ask, Life, Pass

FOUND = {
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
