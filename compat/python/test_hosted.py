"""A hosted login: the pages lead back to the application with a code, and the
SDK's client.userinfo gives tokens for it, once."""

import secrets

import pytest
from browser import Browser, Left
from person import NEW_PASSWORD, Person, address, sign_up
from pool import CALLBACK, SAMPLE_CALLBACK
from shape import bad_token, check_envelope, check_tokens, is_id, near_now


@pytest.fixture
def state() -> str:
    """What an application sends along to know its browser again."""
    return secrets.token_urlsafe(24)


def sign_in(pool, who: Person, state: str, **query) -> Left:
    browser = Browser()
    page = browser.open(pool.login_url + "/authorize", redirect_uri=CALLBACK, state=state, **query)
    if "email" not in query:
        page = browser.send(page.form(choice="set_email"), email=who.email)
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="password"), password=who.password)
    return left.value


@pytest.mark.parametrize("kind", ["client", "service"])
def test_userinfo_of_a_hosted_login(pool, state, kind):
    sdk = getattr(pool, kind)()
    who, _ = sign_up(sdk)
    left = sign_in(pool, who, state)
    assert left.url.startswith(CALLBACK + "?")
    assert set(left.query) == {"code", "state"} and left.query["state"] == state
    code = left.query["code"]
    assert is_id("pmc", code)

    response = sdk.client.userinfo(code=code)
    check_envelope(response, "Login completed")
    check_tokens(response.result, who.email, who.profile)
    assert sdk.client.token_endpoints.check(response.result.active_token.token).success
    assert sdk.client.session.refresh(refresh_token=response.result.refresh_token.token).success
    # A code is for once; the tokens that it gave go on.
    for _ in range(2):
        with bad_token():
            sdk.client.userinfo(code=code)
    assert sdk.client.token_endpoints.check(response.result.active_token.token).success
    user = pool.service().user.profile.get(email=who.email).result
    assert (user.login_count, user.last_login_ip) == (2, "127.0.0.1")
    near_now(user.last_login_at)


def test_the_root_of_the_pages_is_the_login_page_too(pool, state):
    """The vendor's documents link to the root, its React package to /authorize."""
    who, _ = sign_up(pool.client())
    browser = Browser()
    page = browser.open(pool.login_url + "/", redirect_uri=SAMPLE_CALLBACK, state=state)
    page = browser.send(page.form(choice="set_email"), email=who.email)
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="password"), password=who.password)
    assert left.value.url.startswith(SAMPLE_CALLBACK + "?")
    check_tokens(pool.client().client.userinfo(code=left.value.query["code"]).result, who.email, who.profile)


def test_the_address_may_be_known(pool, state):
    who, _ = sign_up(pool.client())
    left = sign_in(pool, who, state, email=who.email, pm="x")
    check_tokens(pool.client().client.userinfo(code=left.query["code"]).result, who.email, who.profile)


def test_the_code_is_of_its_pool(pool, other, state):
    who, _ = sign_up(pool.client())
    code = sign_in(pool, who, state).query["code"]
    with bad_token():
        other.client().client.userinfo(code=code)
    assert pool.client().client.userinfo(code=code).success


def test_no_code_for_a_wrong_password(pool, state):
    who, _ = sign_up(pool.client())
    browser = Browser()
    page = browser.open(pool.login_url + "/authorize", redirect_uri=CALLBACK, state=state)
    page = browser.send(page.form(choice="set_email"), email=who.email)
    page = browser.send(page.form(choice="password"), password=who.password + "x")
    assert page.status == 400
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="password"), password=who.password)
    assert pool.client().client.userinfo(code=left.value.query["code"]).success


def test_nobody_is_led_to_an_address_that_is_not_registered(pool, state):
    for uri in ("https://evil.example/", CALLBACK + "/../x", CALLBACK + "?a=b"):
        page = Browser().open(pool.login_url + "/authorize", redirect_uri=uri, state=state)
        assert page.status == 400 and page.forms == []


def test_hosted_sign_up(pool, inbox, state):
    """A hosted sign-up proves the mailbox before it asks for anything else."""
    who = Person(email=address("hosted"))
    browser = Browser()
    page = browser.open(pool.login_url + "/authorize", redirect_uri=CALLBACK, state=state)
    page = browser.open(next(url for text, url in page.links.items() if "Create an account" in text))
    page = browser.send(page.form(choice="set_email"), email=who.email)
    link = inbox.link(who.email, "verify_email")
    page = browser.open(link)
    page = browser.send(page.form(**{"for": "verify_email"}))
    page = browser.send(page.form(choice="password"), password=who.password)
    fields = {"profile." + name: value for name, value in who.profile.items()}
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="profile"), **fields)
    assert left.value.query["state"] == state
    check_tokens(pool.client().client.userinfo(code=left.value.query["code"]).result, who.email, who.profile)
    assert pool.service().user.profile.get(email=who.email).result.verified is True


def test_hosted_reset_of_a_password(pool, inbox, state):
    """The link is opened on another device; the password is chosen there, and
    the window that asked for the mail has nothing to go on with."""
    who, tokens = sign_up(pool.client())
    browser = Browser()
    page = browser.open(pool.login_url + "/authorize", redirect_uri=CALLBACK, state=state, email=who.email)
    page = browser.send(page.form(choice="reset_password", action="restart"))
    elsewhere = Browser()
    opened = elsewhere.open(inbox.link(who.email, "reset_password"))
    chosen = elsewhere.send(opened.form(**{"for": "reset_password"}))
    assert browser.send(page.form(choice="reset_password", action="continue")).status == 404
    with pytest.raises(Left) as left:
        elsewhere.send(chosen.form(choice="set_password"), password=NEW_PASSWORD)
    check_tokens(pool.client().client.userinfo(code=left.value.query["code"]).result, who.email, who.profile)
    with bad_token():
        pool.client().client.token_endpoints.check(tokens.active_token.token)


def test_logout_page(pool, state):
    """The React package spells the parameter in its own way."""
    for name in ("redirect_uri", "local_redirect_uri"):
        with pytest.raises(Left) as left:
            Browser().open(pool.login_url + "/logout", **{name: CALLBACK, "state": state})
        assert left.value.url == f"{CALLBACK}?state={state}"
    assert Browser().open(pool.login_url + "/logout", redirect_uri="https://evil.example/").status == 400
