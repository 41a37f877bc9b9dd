"""Every address of the console that is none."""

from nicegui import ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console import frame, notices
from api.console.addresses import HOME, spelled_out
from api.console.console import Console
from api.console.visit import Visit


def install(console: Console) -> None:
    """Has to be the last: it takes what no other page does."""

    @ui.page("/")
    async def home() -> Response:
        return RedirectResponse(spelled_out(HOME), status_code=303)

    @frame.page(console, "/{path:path}", "Not found", "")
    async def missing(_visit: Visit, _request: Request) -> None:
        notices.missing("page at this address")
