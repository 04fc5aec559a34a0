"""Somebody who comes in through another provider: a real one, of others."""

from urllib.parse import parse_qs, urlsplit

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from browser import Browser, Left
from person import NEW_PASSWORD, Person, address, choices, offered, sign_in
from pool import CALLBACK
from shape import check_tokens, invalid, is_id, refused

CHOICE = m.FlowChoice.SOCIAL
NAMES = {"first_name": "Ana", "last_name": "Roe"}


def begin(authn, **more):
    return authn.flow.start(cb_uri=CALLBACK, flow_types=[m.FlowType.SIGNUP, m.FlowType.SIGNIN], **more).result


def leaves(step, *args) -> str:
    with pytest.raises(Left) as left:
        step(*args)
    return left.value.url


def through(browser: Browser, item: dict, name: str) -> str:
    """Goes to the provider, agrees there as this name, and returns where the
    browser comes back."""
    page = browser.open(leaves(browser.open, item["redirect_uri"]))
    page = browser.send(page.form(prompt="login"), login=name, password="any")
    back = leaves(browser.send, page.form(prompt="consent"))
    return leaves(browser.open, back)


def come(authn, flow_id: str, uri: str):
    return authn.flow.update(flow_id=flow_id, choice=CHOICE, data=m.FlowUpdateDataSocialProvider(social_provider="google", uri=uri)).result


def test_somebody_signs_up_and_in(social):
    authn, email = social.service(), address("social")
    state = begin(authn)
    assert choices(state) == ["set_email", "social"]
    item = offered(state, CHOICE)
    bridge = urlsplit(item["redirect_uri"])
    assert set(item) == {"enrollment", "social_provider", "state", "redirect_uri"} and is_id("pcb", item["state"])
    assert (item["enrollment"], item["social_provider"]) == (True, "google")
    assert bridge.path.endswith("/flow/oauth/google") and parse_qs(bridge.query)["redirect_uri"] == [CALLBACK] and parse_qs(bridge.query)["state"] == [item["state"]]
    # A restart changes nothing.
    assert offered(authn.flow.restart(flow_id=state.flow_id, choice=CHOICE, data={}).result, CHOICE) == item
    uri = through(Browser(), item, email)
    query = parse_qs(urlsplit(uri).query)
    assert uri.startswith(CALLBACK + "?") and query["state"] == [item["state"]] and query["code"] and query["iss"]
    state = come(authn, state.flow_id, uri)
    # What the provider has said is not asked for again.
    assert (state.flow_type, state.flow_phase, state.flow_choices, state.email) == (["signup"], "phase_completed", [], email)
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, email, NAMES)
    assert authn.user.profile.get(email=email).result.verified is True

    # The same account is the same person.
    state = begin(authn)
    state = come(authn, state.flow_id, through(Browser(), offered(state, CHOICE), email))
    assert (state.flow_type, state.flow_phase) == (["signin"], "phase_completed")
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, email, NAMES)
    state = begin(authn, email=email)
    assert choices(state) == ["social"] and offered(state, CHOICE)["enrollment"] is False
    [way] = authn.user.authenticators.list(email=email).result.authenticators
    assert (way.type, way.provider, way.provider_name, way.phase) == ("social", "google", "Example", "primary")
    authn.user.authenticators.delete(email=email, authenticator_id=way.id)
    assert authn.user.authenticators.list(email=email).result.authenticators == []


def test_an_answer_counts_once_and_where_it_belongs(social):
    authn, email = social.service(), address("social")
    one, other = begin(authn), begin(authn)
    uri = through(Browser(), offered(one, CHOICE), email)
    for wrong in (uri.replace(offered(one, CHOICE)["state"], "pcb_" + "a" * 32), CALLBACK + "?code=x"):
        with refused(pe.PangeaAPIException, "AuthenticationFailure", 400):
            come(authn, one.flow_id, wrong)
    with refused(pe.PangeaAPIException, "AuthenticationFailure", 400):
        come(authn, other.flow_id, uri)
    with invalid(("BadFormatURI", "/data/uri")):
        come(authn, one.flow_id, uri.replace("someurl.com", "evil.example"))
    with refused(pe.PangeaAPIException, "AuthenticationFailure", 400):
        come(authn, one.flow_id, f"{CALLBACK}?error=access_denied&state={offered(one, CHOICE)['state']}")
    # A browser that was not sent to the provider brings nothing.
    page = Browser().open(offered(one, CHOICE)["redirect_uri"].split("?")[0] + "/callback", state="a" * 32, code="x")
    assert page.status == 403
    assert come(authn, one.flow_id, uri).flow_phase == "phase_completed"


def test_addresses_open_accounts_that_are_proved(social):
    authn = social.service()
    # Somebody has signed up with the address and has not proved it: it is not
    # theirs any more when its owner comes.
    who = Person(email=address("social"))
    authn.user.create(email=who.email, profile=who.profile)
    state = begin(authn)
    state = come(authn, state.flow_id, through(Browser(), offered(state, CHOICE), who.email))
    assert (state.flow_type, state.flow_phase) == (["signin"], "phase_completed")
    # Of an address that the provider does not vouch for nothing follows.
    rumour = Person(email=address("rumour"), password=NEW_PASSWORD)
    state = begin(authn, email=rumour.email)
    for choice, data in ((m.FlowChoice.PASSWORD, m.FlowUpdateDataPassword(password=rumour.password)), (m.FlowChoice.PROFILE, m.FlowUpdateDataProfile(profile=NAMES))):
        state = authn.flow.update(flow_id=state.flow_id, choice=choice, data=data).result
    authn.flow.complete(flow_id=state.flow_id)
    state = begin(authn)
    uri = through(Browser(), offered(state, CHOICE), rumour.email)
    with refused(pe.PangeaAPIException, "AuthenticationFailure", 400) as caught:
        come(authn, state.flow_id, uri)
    assert caught.value.response.raw_result == {"correct_provider": "password", "email": rumour.email}
    check_tokens(sign_in(authn, rumour), rumour.email, NAMES)
    # The flow is about somebody else.
    state = begin(authn, email=address("social"))
    uri = through(Browser(), offered(state, CHOICE), other := address("social"))
    with refused(pe.PangeaAPIException, "AuthenticationFailure", 400) as caught:
        come(authn, state.flow_id, uri)
    assert caught.value.response.raw_result == {"incorrect_email": other}
