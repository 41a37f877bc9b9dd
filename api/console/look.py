"""How the console looks: the colours and shapes of everything, in one place."""

from nicegui import ui

TONES = {
    "quiet": "#64748b",
    "busy": "#2563eb",
    "wait": "#b7791f",
    "stuck": "#d9480f",
    "good": "#2f855a",
    "bad": "#c53030",
    "undo": "#7c3aed",
}
"""One middle colour for each tone, readable on both grounds; chips, diagrams and charts share them."""

LINES = {"lineStyle": {"color": f"{TONES['quiet']}40"}}
"""The lines of a chart's grid, faint on both grounds."""

STATES = {
    "draft": ("edit_note", "quiet"),
    "acknowledged": ("inbox", "quiet"),
    "rejected": ("block", "bad"),
    "pending": ("hourglass_top", "wait"),
    "held": ("pan_tool", "stuck"),
    "in_progress": ("autorenew", "busy"),
    "assessing_cancellation": ("rule", "undo"),
    "pending_cancellation": ("undo", "undo"),
    "cancelled": ("cancel", "quiet"),
    "completed": ("check_circle", "good"),
    "partial": ("incomplete_circle", "wait"),
    "failed": ("error", "bad"),
    "superseded": ("layers", "quiet"),
    "waiting": ("radio_button_unchecked", "quiet"),
    "running": ("autorenew", "busy"),
    "done": ("check_circle", "good"),
    "skipped": ("redo", "quiet"),
    "undoing": ("undo", "undo"),
    "undone": ("undo", "quiet"),
    "authorizing": ("autorenew", "busy"),
    "authorized": ("verified", "busy"),
    "declined": ("credit_card_off", "bad"),
    "capturing": ("autorenew", "busy"),
    "captured": ("check_circle", "good"),
    "releasing": ("undo", "undo"),
    "voided": ("undo", "quiet"),
    "partially_refunded": ("undo", "undo"),
    "refunded": ("undo", "quiet"),
    "designed": ("draw", "quiet"),
    "reserved": ("bookmark", "quiet"),
    "inactive": ("power_off", "quiet"),
    "active": ("bolt", "good"),
    "suspended": ("pause_circle", "wait"),
    "terminating": ("undo", "undo"),
    "terminated": ("stop_circle", "quiet"),
    "trialing": ("science", "busy"),
    "past_due": ("schedule", "stuck"),
    "paused": ("pause_circle", "wait"),
    "cancel_scheduled": ("event_busy", "undo"),
    "ended": ("stop_circle", "quiet"),
    "erased": ("person_off", "quiet"),
    "complete": ("check_circle", "quiet"),
    "finalized": ("receipt_long", "wait"),
    "paid": ("check_circle", "good"),
    "partially_paid": ("incomplete_circle", "wait"),
    "overdue": ("schedule", "stuck"),
    "uncollectible": ("money_off", "bad"),
    "normal": ("check", "quiet"),
    "hazard": ("warning", "wait"),
    "critical": ("crisis_alert", "bad"),
    "approve": ("thumb_up", "good"),
    "reject": ("thumb_down", "bad"),
    "delegate": ("forward", "busy"),
    "open": ("pan_tool", "stuck"),
    "kept": ("lock", "wait"),
    "submitted": ("send", "wait"),
    "accepted": ("flag", "quiet"),
    "lapsed": ("alarm_off", "bad"),
    "won": ("emoji_events", "good"),
    "lost": ("money_off", "bad"),
    "working": ("hourglass_top", "busy"),
    "ready": ("download", "good"),
    "unable": ("block", "quiet"),
    "given_up": ("redo", "quiet"),
    "forgotten": ("timer_off", "quiet"),
    "succeeded": ("check_circle", "good"),
    "refused": ("block", "quiet"),
    "settled": ("check", "quiet"),
}
"""Icon and tone of every state there is, by its word."""


def icon_of(state: str) -> str:
    return STATES.get(state, ("help_outline", "quiet"))[0]


def tone_of(state: str) -> str:
    return STATES.get(state, ("help_outline", "quiet"))[1]


def words(state: str) -> str:
    return state.replace("_", " ")


def _tone_rules() -> str:
    rules = []
    for tone, colour in TONES.items():
        rules.append(f".tone-{tone} {{ --tone: {colour}; }}")
    return "\n".join(rules)


_CSS = """
:root {
  --ground: #f5f6f8; --paper: #ffffff; --ink: #1b2733; --soft: #566473; --line: #dfe4ea; --hover: #f0f3f7;
  --brand: #17324d; --accent: #1f5f8b; --mix: #ffffff; --deep: #10202f;
}
.body--dark {
  --ground: #10161d; --paper: #18212b; --ink: #e6ebf0; --soft: #9fadbb; --line: #2b3845; --hover: #1f2a36;
  --brand: #0d1722; --accent: #7db8e0; --mix: #18212b; --deep: #ffffff;
}
body, body.body--dark { background: var(--ground); color: var(--ink); font-size: 14px; }
.nicegui-content { padding: 0; gap: 0; }
.q-header { background: var(--brand) !important; box-shadow: none; }
.nicegui-drawer, .q-drawer__content { padding: 0 !important; }
.q-drawer { background: var(--paper) !important; border-right: 1px solid var(--line) !important; color: var(--ink); }
.bar { min-height: 52px; padding: 0 16px; gap: 12px; flex-wrap: nowrap; }
.bar .mark { font-size: 18px; font-weight: 600; letter-spacing: .01em; color: #fff; text-decoration: none; }
.bar .who { line-height: 1.2; text-align: right; font-size: 13px; min-width: 0; }
.bar .who .roles { color: #b9c7d4; font-size: 12px; }
.nav-link { display: flex; align-items: center; gap: 12px; padding: 10px 20px; color: var(--ink); text-decoration: none;
  border-left: 3px solid transparent; width: 100%; }
.nav-link:hover { background: var(--hover); }
.nav-link.here { border-left-color: var(--accent); background: var(--hover); font-weight: 600; }
.nav-link .q-icon { color: var(--soft); font-size: 20px; }
.nav-link .count { margin-left: auto; background: #c2410c; color: #fff; border-radius: 10px; padding: 0 8px; font-size: 12px;
  font-weight: 600; }
.nav-head { padding: 18px 20px 6px; color: var(--soft); font-size: 12px; }
.page { width: 100%; max-width: 1360px; margin: 0 auto; padding: 20px 24px 64px; display: flex; flex-direction: column;
  gap: 16px; }
.page h1 { font-size: 22px; line-height: 1.3; font-weight: 600; margin: 0; }
.page h2 { font-size: 15px; line-height: 1.4; font-weight: 600; margin: 0; }
.row-line { display: flex; align-items: center; gap: 12px; flex-wrap: wrap; width: 100%; }
.spread { flex: 1; }
.soft { color: var(--soft); }
.small { font-size: 12.5px; }
.number { font-variant-numeric: tabular-nums; }
.strong { font-weight: 600; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 16px; width: 100%; min-width: 0;
  display: flex; flex-direction: column; gap: 12px; }
.card.flush { padding: 0; overflow: hidden; }
.page a { color: var(--accent); }
.page a.plain { text-decoration: none; }
.page a.plain:hover { text-decoration: underline; }
.facts { display: flex; flex-wrap: wrap; gap: 14px 36px; }
.fact .name { color: var(--soft); font-size: 12px; }
.fact .value { font-weight: 500; overflow-wrap: anywhere; }
.chip, .toned { color: color-mix(in srgb, var(--tone) 55%, var(--deep)); }
.chip { display: inline-flex; align-items: center; gap: 5px; padding: 2px 9px 2px 6px; border-radius: 12px; font-size: 12.5px;
  font-weight: 500; line-height: 1.45; white-space: nowrap;
  background: color-mix(in srgb, var(--tone) 13%, var(--mix));
  border: 1px solid color-mix(in srgb, var(--tone) 32%, var(--mix)); }
.chip .q-icon { font-size: 15px; }
button.chip { cursor: pointer; font-family: inherit; padding: 4px 12px 4px 8px; border-radius: 16px; }
button.chip:hover { border-color: var(--tone); }
button.chip.chosen { background: color-mix(in srgb, var(--tone) 80%, #10202f); border-color: var(--tone); color: #fff; }
button.chip:focus-visible, .nav-link:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.filters { display: flex; flex-wrap: wrap; gap: 10px; width: 100%; }
.filters .q-field { width: 190px; }
.q-field--outlined .q-field__control { border-radius: 6px; background: var(--paper); }
.q-field--outlined .q-field__control:before { border-color: var(--line) !important; }
.banner { display: flex; gap: 12px; align-items: flex-start; border-radius: 8px; padding: 14px 16px; width: 100%;
  background: color-mix(in srgb, var(--tone) 10%, var(--mix));
  border: 1px solid color-mix(in srgb, var(--tone) 35%, var(--mix)); }
.banner > .q-icon { font-size: 22px; color: var(--tone); margin-top: 1px; }
.banner .text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.two { display: grid; grid-template-columns: minmax(0, 1.55fr) minmax(0, 1fr); gap: 16px; width: 100%; align-items: start; }
.stack { display: flex; flex-direction: column; gap: 16px; min-width: 0; width: 100%; }
.stack > div:empty, .page > div:empty { display: none; }
table.list { width: 100%; border-collapse: collapse; font-size: 13.5px; }
table.list th, .orders .q-table th { text-align: left; color: var(--soft); font-weight: 500; font-size: 12.5px;
  padding: 9px 14px; border-bottom: 1px solid var(--line); white-space: nowrap; }
table.list td, .orders .q-table td { padding: 9px 14px; border-bottom: 1px solid var(--line); vertical-align: top;
  height: auto; font-size: 13.5px; }
table.list tr:last-child td { border-bottom: none; }
table.list td { overflow-wrap: break-word; }
.nowrap { white-space: nowrap; }
table.list td.right, table.list th.right, .orders .right { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
table.list tr.sum td { font-weight: 600; border-top: 1px solid var(--line); }
.orders { background: transparent !important; color: inherit; box-shadow: none; width: 100%; }
.orders .q-table tbody td { white-space: normal; vertical-align: middle; }
.orders .q-table tbody tr:hover { background: var(--hover); }
.orders .q-table td:before { display: none; }
.orders .label { display: none; }
.orders .nowrap { white-space: nowrap !important; }
.orders .waits { min-width: 150px; overflow-wrap: anywhere; }
.meter { height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; display: flex; width: 100%; }
.meter > div { height: 100%; background: var(--tone); }
.dag { overflow-x: auto; width: 100%; padding: 4px 0; }
.dag svg { display: block; margin: 0 auto; }
.dag > div { margin: 0 auto; }
.dag text, .dag tspan { fill: var(--ink) !important; font-family: inherit !important; }
.dag g.node rect, .dag g.node path, .dag g.node polygon {
  fill: color-mix(in srgb, var(--tone, #64748b) 13%, var(--mix)) !important;
  stroke: color-mix(in srgb, var(--tone, #64748b) 70%, var(--mix)) !important; stroke-width: 1.4px !important; }
.dag g.node.tone-stuck rect, .dag g.node.tone-bad rect { stroke-width: 2.4px !important; }
.dag g.node.tone-quiet rect { stroke-dasharray: 4 3; }
.dag g.node.state-cancelled rect, .dag g.node.state-skipped rect, .dag g.node.state-undone rect { stroke-dasharray: none; }
.dag g.cluster rect { fill: var(--hover) !important; stroke: var(--line) !important; rx: 6px; }
.dag g.cluster[id$="-provision"] > rect, .dag g.cluster[id$="-activate"] > rect {
  fill: transparent !important; stroke: var(--soft) !important; stroke-dasharray: 6 4; }
.dag path.flowchart-link { stroke: var(--soft) !important; }
.dag marker path { fill: var(--soft) !important; stroke: var(--soft) !important; }
.legend { display: flex; flex-wrap: wrap; gap: 6px; }
.timeline { display: flex; flex-direction: column; width: 100%; }
.moment { display: grid; grid-template-columns: 64px 20px minmax(0, 1fr); gap: 10px; padding: 7px 0; }
.moment.dated { grid-template-columns: 84px 20px minmax(0, 1fr); }
.moment + .moment { border-top: 1px solid var(--line); }
.moment .q-icon { color: color-mix(in srgb, var(--tone) 75%, var(--deep)); font-size: 18px; }
.moment.to-come { opacity: .9; }
.page h3 { font-size: 14px; line-height: 1.4; font-weight: 600; margin: 0; }
.page h3:first-letter { text-transform: uppercase; }
.code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.difference { overflow-wrap: anywhere; display: flex; flex-wrap: wrap; gap: 0 6px; }
.gone { text-decoration: line-through; color: var(--soft); }
.moment .said { overflow-wrap: anywhere; }
.entry { display: flex; flex-direction: column; gap: 8px; padding: 14px 16px; width: 100%; min-width: 0; }
.heading + .entry { padding-top: 6px; }
.entry + .entry { border-top: 1px solid var(--line); }
.entry:target { background: var(--hover); box-shadow: inset 3px 0 0 var(--accent); }
.entry .error { font-family: ui-monospace, monospace; font-size: 12.5px; overflow-wrap: anywhere; white-space: pre-wrap;
  background: var(--ground); border-radius: 6px; padding: 8px 10px; }
.empty { padding: 40px 24px; text-align: center; display: flex; flex-direction: column; align-items: center; gap: 10px; }
.empty > .q-icon { font-size: 40px; color: var(--soft); }
.shell { text-align: left; background: #0f1b28; color: #dbe6f0; border-radius: 8px; padding: 14px 16px; max-width: 100%;
  overflow-x: auto; font-family: ui-monospace, monospace; font-size: 12.5px; white-space: pre; }
.ask { width: 560px; max-width: 94vw !important; border-radius: 10px !important; background: var(--paper) !important;
  color: var(--ink); gap: 14px; padding: 20px; }
.ask h2 { font-size: 17px; line-height: 1.4; font-weight: 600; margin: 0; }
.ask .q-field, .ask table { width: 100%; }
.sums { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 10px; width: 100%; }
.sums > div { border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.sums .value { font-size: 17px; font-weight: 600; font-variant-numeric: tabular-nums; }
.door { min-height: 100vh; width: 100%; display: flex; align-items: center; justify-content: center; padding: 24px; }
.door .card { max-width: 400px; padding: 28px; gap: 16px; }
.door h1 { font-size: 24px; line-height: 1.3; font-weight: 600; margin: 0; }
.wrong { color: color-mix(in srgb, #c53030 60%, var(--deep)); }
.q-btn { text-transform: none !important; font-weight: 500; letter-spacing: 0; border-radius: 6px; }
.q-btn .q-btn__content .q-icon { font-size: 18px; }
.bar .q-btn .q-btn__content .q-icon { font-size: 24px; }
.q-btn--outline:before { border-color: color-mix(in srgb, currentColor 45%, transparent); }
.body--dark .q-field { --q-primary: var(--accent); }
.body--dark .q-btn.text-negative { --q-negative: #f2a0a0; }
.body--dark .q-btn.text-primary { --q-primary: var(--accent); }
.body--dark .q-btn.text-secondary { --q-secondary: var(--soft); }
@media (max-width: 900px) {
  .two { grid-template-columns: minmax(0, 1fr); }
  .page { padding: 14px 12px 48px; gap: 12px; }
  .filters .q-field { width: calc(50% - 5px); }
  .orders thead, table.list.folds thead { display: none; }
  .orders tbody tr, table.list.folds tr { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 12px; padding: 12px 14px;
    border-bottom: 1px solid var(--line); height: auto; }
  .orders tbody td, table.list.folds td { border: none !important; padding: 0 !important; text-align: left !important;
    min-width: 0 !important; }
  .orders .label { display: block; color: var(--soft); font-size: 11.5px; }
  table.list.folds td[data-label]:before { content: attr(data-label); display: block; color: var(--soft); font-size: 11.5px; }
  .orders tbody td.wide { grid-column: 1 / -1; }
  .orders tbody td.absent, table.list.folds td.absent { display: none; }
  .sums { grid-template-columns: minmax(0, 1fr); }
}
"""


def dress() -> None:
    """Give the page its colours and shapes."""
    ui.colors(
        primary="#1f5f8b", secondary="#566473", accent="#1f5f8b", positive="#2f855a", negative="#c53030", warning="#b7791f"
    )
    ui.add_css(_CSS + _tone_rules())
