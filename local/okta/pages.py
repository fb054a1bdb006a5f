"""The pages of the local sign-in: plain HTML with one style sheet and no scripts."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from local.okta.clients import USERS

__all__ = ["STYLE", "device_page", "login_page", "message_page", "style"]

STYLE = "/identity.css"
_STYLE_FILE = Path(__file__).parent / "page" / "style.css"


async def style(_: web.Request) -> web.Response:
    """Return the style sheet."""
    return web.Response(text=_STYLE_FILE.read_text(), content_type="text/css", headers={"Cache-Control": "no-cache"})


def _page(title: str, body: str, status: int = 200, leads_to: str = "") -> web.Response:
    """Return a page whose form may submit only here, or be redirected from here to `leads_to`."""
    parts = urlsplit(leads_to)
    # A CSP cannot name an IPv6 address.
    origin = f" {parts.scheme}://{parts.netloc}" if leads_to and "[" not in parts.netloc else " http:" * bool(leads_to)
    policy = f"default-src 'none'; style-src 'self'; img-src data:; form-action 'self'{origin}"
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{STYLE}">
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'",
        # We check the form's Origin header, which `no-referrer` would blank.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=html, content_type="text/html", status=status, headers=headers)


def _hidden(fields: Mapping[str, str]) -> str:
    return "\n".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in fields.items())


def _alert(problem: str) -> str:
    return f'<p class="bad" id="problem" role="alert">{escape(problem)}</p>' if problem else ""


def _credentials(login: str, problem: str) -> str:
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    return f"""<label for="username">User name</label>
<input id="username" name="username" value="{escape(login)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" required{described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{described}>"""


def _users() -> str:
    users = ", ".join(
        f"<code>{escape(u.login)}</code> with password <code>{escape(u.password)}</code>"
        for u in USERS.values()
        if u.groups
    )
    return f'<p class="soft">This page stands in for Okta on this machine. Sign in as {users}; <code>visitor</code> has no access.</p>'


def login_page(
    client: str, fields: Mapping[str, str], redirect_uri: str, login: str = "", problem: str = ""
) -> web.Response:
    """Return the page that asks for user name and password; its hidden `fields` carry the client's request."""
    body = f"""<p>to continue to {escape(client)}</p>
{_alert(problem)}
<form method="post" action="/oauth2/default/v1/login">
{_hidden(fields)}
{_credentials(login, problem)}
<button type="submit">Sign in</button>
</form>
{_users()}"""
    return _page("Sign in", body, 400 if problem else 200, redirect_uri)


def device_page(
    fields: Mapping[str, str],
    user_code: str,
    login: str = "",
    waiting: tuple[str, Sequence[str]] | None = None,
    problem: str = "",
) -> web.Response:
    """Return the page that asks for a device's code and consent, and for a password unless `login` is signed in."""
    about = ""
    if waiting is not None:
        about = f"<p>{escape(waiting[0])} asks for: {escape(', '.join(waiting[1]))}.</p>"
    user = f"<p>Signed in as {escape(login)}.</p>" if login else _credentials("", "")
    body = f"""<p>Continue only if you started this yourself and your device shows this code.</p>
{_alert(problem)}
{about}
<form method="post" action="/activate">
{_hidden(fields)}
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="{escape(user_code)}" autocomplete="off" autocapitalize="characters"
 spellcheck="false" required>
{user}
<button type="submit" name="answer" value="allow">Allow</button>
<button type="submit" name="answer" value="deny" class="plain">Deny</button>
</form>
{"" if login else _users()}"""
    return _page("Sign in on a device", body, 400 if problem else 200)


def message_page(title: str, text: str, status: int = 200) -> web.Response:
    """Return a page with one message."""
    return _page(title, f"<p{' class=bad' if status >= 400 else ''}>{escape(text)}</p>", status)
