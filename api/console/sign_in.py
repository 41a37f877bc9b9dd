"""The door: a person shows an API key, which is checked and forgotten."""

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.console.addresses import SIGN_IN, inside, spelled_out
from api.console.console import Console
from api.console.look import dress
from domain.errors import Unavailable


def install(console: Console) -> None:
    @ui.page(SIGN_IN, title="Sign in · Turnup")
    async def sign_in(request: Request) -> Response | None:
        wanted = inside(request.query_params.get("next"))
        if await console.sessions.principal() is not None:
            return RedirectResponse(spelled_out(wanted), status_code=303)
        _show(console, wanted)
        return None


def _show(console: Console, wanted: str) -> None:
    dress()
    ui.dark_mode(app.storage.user.get("dark"))
    client = ui.context.client.ip
    with ui.element("main").classes("door"), ui.element("div").classes("card"):
        with ui.element("h1"):
            ui.label("Turnup")
        ui.label("Sign in to the operators’ console with your API key.").classes("soft")
        key = ui.input("API key", password=True).props('outlined autofocus autocomplete="current-password"').classes("w-full")
        wrong = ui.label().classes("wrong").props("role=alert")
        wrong.set_visibility(False)

        async def enter() -> None:
            problem = await _try(console, key.value or "", client)
            key.value = ""
            if problem is None:
                ui.navigate.to(wanted)
            else:
                wrong.set_text(problem.capitalize())
                wrong.set_visibility(True)

        key.on("keydown.enter", enter)
        ui.button("Sign in", on_click=enter).props("unelevated").classes("w-full")


async def _try(console: Console, key: str, client: str) -> str | None:
    try:
        return await console.sessions.sign_in(key, client)
    except Unavailable as error:
        return str(error)
