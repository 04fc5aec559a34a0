"""Somebody who was made by an application, and enrols behind a link, through
the SDK."""

import re
from urllib.parse import quote, urlsplit

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from browser import Browser, Left
from inbox import ticket
from person import NEW_PASSWORD, Person, address, choices, offered, sign_in, start
from pool import CALLBACK
from shape import BOTH_POLICIES, check_envelope, check_tokens, invalid, is_id, refused
from test_choices import NEVER, wrong
from test_sms import code, number, sms_otp

CHOICE = m.FlowChoice.PROVISIONAL_ENROLLMENT


def made(authn) -> Person:
    who = Person(email=address(), password=NEW_PASSWORD, profile={"first_name": "Ana"})
    assert authn.user.create(email=who.email, profile=who.profile).result.verified is False
    return who


def test_somebody_created_chooses_a_password(authn, inbox):
    who = made(authn)
    state = start(authn, who.email)
    assert (state.flow_type, state.flow_phase, choices(state)) == (["signin"], "phase_primary", ["reset_password", "provisional_enrollment"])
    first = offered(state, CHOICE)
    assert first == {"sent": False, "resend_time": NEVER, "state": first["state"]} and is_id("pcb", first["state"])
    response = authn.flow.restart(flow_id=state.flow_id, choice=CHOICE)
    check_envelope(response, "Flow updated")
    sent = offered(response.result, CHOICE)
    assert sent["sent"] is True and sent["resend_time"] > NEVER and sent["state"] == first["state"]
    url = inbox.link(who.email, "provisional_enrollment")
    # Another flow's state, and a code that is none, prove nothing.
    for state_of, link in (("pcb_" + "a" * 32, ticket(url)), (first["state"], "pmc_" + "a" * 32)):
        with refused(pe.PangeaAPIException, "InvalidToken", 400):
            authn.flow.update(flow_id=state.flow_id, choice=CHOICE, data=m.FlowUpdateDataProvisionalEnrollment(state=state_of, code=link))
    data = m.FlowUpdateDataProvisionalEnrollment(state=first["state"], code=ticket(url))
    state = authn.flow.update(flow_id=state.flow_id, choice=CHOICE, data=data).result
    assert (state.flow_type, state.flow_phase, choices(state)) == (["signin"], "phase_primary", ["password"])
    assert offered(state, m.FlowChoice.PASSWORD) == {"enrollment": True, "password_policy": BOTH_POLICIES}
    # The link was opened; bringing it again says nothing new.
    authn.flow.update(flow_id=state.flow_id, choice=CHOICE, data=data)
    with invalid(("BelowMinLength", "/data/password")):
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password="short"))
    state = authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=NEW_PASSWORD)).result
    assert (state.flow_phase, state.flow_choices) == ("phase_completed", [])
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, who.email, who.profile)
    assert authn.user.profile.get(email=who.email).result.verified is True
    assert choices(start(authn, who.email)) == ["password", "reset_password"]
    check_tokens(sign_in(authn, who), who.email, who.profile)


def test_somebody_created_chooses_a_telephone(texts, inbox):
    authn, phone = texts.service(), number()
    who, before = made(authn), len(inbox.to(phone))
    state = start(authn, who.email)
    assert choices(state) == ["reset_password", "provisional_enrollment"]
    # The page behind the link leads back to the application; the flow goes on
    # wherever it is asked.
    authn.flow.update(flow_id=state.flow_id, choice=CHOICE)
    url = inbox.link(who.email, "provisional_enrollment")
    browser = Browser()
    with pytest.raises(Left) as left:
        browser.send(browser.open(url).form())
    assert left.value.query == {"state": offered(state, CHOICE)["state"], "code": ticket(url)}
    data = {"flow_id": state.flow_id, "choice": "", "data": {}}
    state = authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data=data).result
    assert choices(state) == ["password", "sms_otp"]
    assert offered(state, m.FlowChoice.SMS_OTP) == {"enrollment": True, "sent": False, "resend_time": NEVER, "need_phone": True}
    state = authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.SMS_OTP, data=m.FlowRestartDataSMSOTP(phone=phone)).result
    digits = code(inbox, phone, before + 1)
    with refused(pe.PangeaAPIException, "AuthenticationFailure", 400):
        sms_otp(authn, state, wrong(digits))
    state = sms_otp(authn, state, digits)
    assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == who.email
    assert choices(start(authn, who.email)) == ["sms_otp", "reset_password"]


def test_nothing_is_sent_for_being_listed(authn, inbox):
    who = made(authn)
    start(authn, who.email)
    other = made(authn)
    state = start(authn, other.email)
    authn.flow.restart(flow_id=state.flow_id, choice=CHOICE)
    inbox.link(other.email, "provisional_enrollment")
    assert inbox.to(who.email) == []


def test_the_hosted_pages_tell_nobody_who_has_enrolled(texts, inbox):
    authn = texts.service()
    who, nobody = made(authn), address()
    pages = []
    for email in (nobody, who.email):
        browser = Browser()
        page = browser.open(texts.login_url + "/authorize", redirect_uri=CALLBACK, state="state-123", email=email)
        page = browser.open(page.url, choice="provisional_enrollment")
        page = browser.send(page.form(choice="provisional_enrollment", action="restart"))
        text = page.text.replace(urlsplit(page.url).path, "FLOW").replace(quote(email), "EMAIL").replace(email.partition("+")[2], "EMAIL")
        pages.append(re.sub(r"\d+ seconds", "SECONDS", text))
    assert pages[0] == pages[1]
    # The link goes on in the browser that opens it.
    browser = Browser()
    page = browser.send(browser.open(inbox.link(who.email, "provisional_enrollment")).form())
    assert inbox.to(nobody) == []
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="password"), password=NEW_PASSWORD)
    check_tokens(texts.client().client.userinfo(code=left.value.query["code"]).result, who.email, who.profile)
