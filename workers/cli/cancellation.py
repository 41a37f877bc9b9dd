"""A cancellation in words: what it gives back, keeps and cannot undo."""

from rich.table import Table

from domain.cancellation import CancellationPreview, Fate

FATES = {Fate.undone: "undone", Fate.kept: "kept", Fate.settled: "left as it is"}


def money_words(preview: CancellationPreview) -> str:
    """Such as `38.00 EUR released, 158.90 EUR kept`."""
    amounts = {"refunded": preview.refunded, "released": preview.released, "kept": preview.kept}
    return ", ".join(f"{amount} {what}" for what, amount in amounts.items() if amount) or "no money moves"


def offer_words(preview: CancellationPreview) -> list[str]:
    """Why a cancellation was refused, and what can be had instead, in at most two lines."""
    kept = [f"item {item.item} stays, {item.reason}" for item in preview.items if item.fate is Fate.kept]
    why = "; ".join(kept) or preview.message
    if not preview.possible:
        return [f"{preview.order} cannot be cancelled: {why} ({money_words(preview)})"]
    return [
        f"{preview.order} can be cancelled only in part: {why}",
        f"That is {money_words(preview)}; to take it: turnup orders cancel {preview.order} --accept-partial",
    ]


def preview_table(preview: CancellationPreview) -> Table:
    """What would become of each item."""
    table = Table("item", "would be", box=None, pad_edge=False)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("because")
    for item in preview.items:
        table.add_row(item.item, FATES[item.fate], str(item.amount), item.reason)
    return table
