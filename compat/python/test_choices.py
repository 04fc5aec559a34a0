"""The ways in beside a password, through the SDK: codes and links by e-mail,
names in place of addresses, second factors."""

import base64
import contextlib
import hmac
import secrets
import struct
import time

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from browser import Browser, Left
from inbox import ticket
from person import CALLBACK, PASSWORD, address, choices, offered, start

NEVER = "0001-01-01T00:00:00.000000Z"


def email_otp(authn, state, code):
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP, data=m.FlowUpdateDataEmailOTP(code=code)).result


@contextlib.contextmanager
def refused(status):
    with pytest.raises(pe.PangeaAPIException) as problem:
        yield
    assert problem.value.response.status == status


def wrong(code: str) -> str:
    return ("1" if code[0] == "0" else "0") + code[1:]


def sign_up_by_code(authn, inbox, email):
    state = start(authn, email)
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    state = email_otp(authn, state, inbox.code(email))
    assert state.flow_phase == "phase_completed"
    return authn.flow.complete(flow_id=state.flow_id).result


def test_email_otp_signs_up(mailbox, inbox):
    authn, email = mailbox.service(), address()
    state = start(authn, email)
    assert state.flow_type == ["signup"]
    assert choices(state) == ["password", "email_otp", "magiclink"]
    assert offered(state, m.FlowChoice.EMAIL_OTP) == {"enrollment": True, "sent": False, "resend_time": NEVER}
    state = authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP, data={}).result
    data = offered(state, m.FlowChoice.EMAIL_OTP)
    assert data["sent"] is True and data["resend_time"] > NEVER
    code = inbox.code(email)
    with refused("AuthenticationFailure"):
        email_otp(authn, state, wrong(code))
    state = email_otp(authn, state, code)
    assert (state.flow_phase, state.flow_choices) == ("phase_completed", [])
    grant = authn.flow.complete(flow_id=state.flow_id).result
    assert grant.active_token.email == email
    user = authn.user.profile.get(email=email).result
    assert (user.verified, user.username, user.login_count) == (True, email, 1)
    [factor] = authn.user.authenticators.list(email=email).result.authenticators
    assert (factor.type, factor.phase, factor.enabled) == ("email_otp", "primary", True)


def test_what_somebody_enrolled_is_what_is_offered(mailbox, inbox):
    authn, email = mailbox.service(), address()
    sign_up_by_code(authn, inbox, email)
    state = start(authn, email)
    assert state.flow_type == ["signin"]
    assert choices(state) == ["email_otp", "reset_password"]
    assert offered(state, m.FlowChoice.EMAIL_OTP)["enrollment"] is False


def test_nothing_is_sent_when_a_choice_is_listed(mailbox, inbox):
    authn, email = mailbox.service(), address()
    state = start(authn, email)
    raw(authn, state, "", {})
    witness = address()
    other = start(authn, witness)
    authn.flow.restart(flow_id=other.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    inbox.code(witness)
    assert inbox.to(email) == []


def test_a_code_is_good_once_and_the_newest_only_by_itself(mailbox, inbox):
    authn, email = mailbox.service(), address()
    state = start(authn, email)
    with refused("AuthenticationFailure"):
        email_otp(authn, state, "123456")
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    code = inbox.code(email)
    # A second request at once sends nothing, and is no error.
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    email_otp(authn, state, code)
    assert len(inbox.to(email)) == 1
    with pytest.raises(pe.ValidationException) as problem:
        email_otp(authn, state, code)
    assert [e.code for e in problem.value.errors] == ["BadState"]


def test_a_code_that_was_tried_too_often(mailbox, inbox):
    authn, email = mailbox.service(), address()
    state = start(authn, email)
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    code = inbox.code(email)
    statuses = []
    for _ in range(6):
        try:
            email_otp(authn, state, wrong(code))
        except pe.PangeaAPIException as problem:
            statuses.append(problem.response.status)
    assert statuses[:5] == ["AuthenticationFailure"] * 5
    assert statuses[5] in ("MfaCodeExpired", "TooManyRequests")


def test_magiclink_signs_up_and_in(mailbox, inbox):
    authn, email = mailbox.service(), address()
    for count in (1, 2):
        state = start(authn, email)
        data = offered(state, m.FlowChoice.MAGICLINK)
        assert data == {"sent": False, "resend_time": NEVER, "state": data["state"]}
        authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.MAGICLINK)
        inbox.wait(email, count)
        state = authn.flow.update(
            flow_id=state.flow_id, choice=m.FlowChoice.MAGICLINK,
            data=m.FlowUpdateDataMagiclink(state=data["state"], code=ticket(inbox.link(email, "magic_link"))),
        ).result
        assert state.flow_phase == "phase_completed"
        assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == email
    assert authn.user.profile.get(email=email).result.login_count == 2


def test_a_link_opened_elsewhere_is_seen_by_the_one_who_waits(mailbox, inbox):
    authn, email = mailbox.service(), address()
    state = start(authn, email)
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.MAGICLINK)
    browser = Browser()
    page = browser.open(inbox.link(email, "magic_link"))
    with pytest.raises(Left):  # back to the application
        browser.send(page.form())
    state = raw(authn, state, "", {})
    assert state.flow_phase == "phase_completed"


def test_names_addresses_phones_and_a_second_factor(names, inbox):
    authn, email, name = names.service(), address(), "n_" + secrets.token_hex(8)
    state = authn.flow.start(cb_uri=CALLBACK).result
    assert choices(state) == ["set_username"]
    assert offered_by(state, "set_username") == {"required_for": ["password"]}
    state = raw(authn, state, "set_username", {"username": name})
    assert choices(state) == ["password", "set_phone"]
    data = offered(state, m.FlowChoice.PASSWORD)
    assert (data["enrollment"], data["need_email"]) == (True, True)
    state = raw(authn, state, "set_phone", {"phone": "+1 808-555-0173"})
    with pytest.raises(pe.ValidationException) as problem:
        raw(authn, state, "password", {"password": PASSWORD})
    assert [(e.code, e.source) for e in problem.value.errors] == [("FieldRequired", "/data/email")]
    state = raw(authn, state, "password", {"password": PASSWORD, "email": email})
    assert (state.flow_phase, choices(state)) == ("phase_secondary", ["email_otp"])
    assert offered(state, m.FlowChoice.EMAIL_OTP)["enrollment"] is True
    with pytest.raises(pe.ValidationException):
        authn.flow.complete(flow_id=state.flow_id)
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    state = email_otp(authn, state, inbox.code(email))
    assert state.flow_phase == "phase_completed"
    authn.flow.complete(flow_id=state.flow_id)
    user = authn.user.profile.get(username=name).result
    assert (user.email, user.username, user.phone) == (email, name, "+18085550173")
    factors = authn.user.authenticators.list(username=name).result.authenticators
    assert [(f.type, f.phase) for f in factors] == [("password", "primary"), ("email_otp", "secondary")]

    # The name is taken, in any spelling; signing in needs the second factor too.
    state = authn.flow.start(cb_uri=CALLBACK, flow_types=[m.FlowType.SIGNUP]).result
    with pytest.raises(pe.ValidationException) as problem:
        raw(authn, state, "set_username", {"username": name.upper()})
    assert [(e.code, e.source) for e in problem.value.errors] == [("ItemNotUnique", "/data/username")]
    state = raw(authn, authn.flow.start(cb_uri=CALLBACK).result, "set_username", {"username": name.upper()})
    assert state.flow_type == ["signin"] and state.email is None
    state = raw(authn, state, "password", {"password": PASSWORD})
    assert (state.flow_phase, offered(state, m.FlowChoice.EMAIL_OTP)["enrollment"]) == ("phase_secondary", False)
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    state = email_otp(authn, state, inbox.code(email, 2))
    assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == email


def app_code(secret: str, nth: int = 0) -> str:
    """One of the two codes that are good now (RFC 6238). That of the enrolment
    is used up, so whoever comes back at once has the second. Where this step is
    about to end, the next one is waited for."""
    if (left := 30 - time.time() % 30) < 8:
        time.sleep(left)
    step = int(time.time()) // 30 - 1 + nth
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def totp(authn, state, code):
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.TOTP, data=m.FlowUpdateDataTOTP(code=code)).result


def test_totp_and_recovery_codes(guarded, inbox):
    authn, email = guarded.service(), address()

    def behind_password():
        state = start(authn, email)
        return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=PASSWORD)).result

    state = behind_password()
    assert (state.flow_phase, choices(state)) == ("phase_secondary", ["totp"])
    data = offered(state, m.FlowChoice.TOTP)
    first = data["totp_secret"]["secret"]
    assert data == {"enrollment": True, "totp_secret": {"qr_image": data["totp_secret"]["qr_image"], "secret": first}}
    image = base64.b64decode(data["totp_secret"]["qr_image"].removeprefix("data:image/png;base64,"), validate=True)
    assert image.startswith(b"\x89PNG") and len(base64.b32decode(first)) == 20
    assert offered(raw(authn, state, "", {}), m.FlowChoice.TOTP) == data
    state = authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.TOTP, data={}).result
    secret = offered(state, m.FlowChoice.TOTP)["totp_secret"]["secret"]
    assert secret != first
    with refused("AuthenticationFailure"):
        totp(authn, state, app_code(first))
    with pytest.raises(pe.ValidationException):
        authn.flow.complete(flow_id=state.flow_id)
    used = app_code(secret)
    state = totp(authn, state, used)
    assert (state.flow_phase, choices(state)) == ("phase_completed", ["recovery_code"])
    data = offered_by(state, "recovery_code")
    codes = data["codes"]
    assert data["enrollment"] is True and len(set(codes)) == 10
    assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == email
    factors = authn.user.authenticators.list(email=email).result.authenticators
    assert [(f.type, f.phase, f.enabled) for f in factors] == [("password", "primary", True), ("totp", "secondary", True)]

    state = behind_password()
    assert choices(state) == ["totp", "recovery_code"]
    assert offered(state, m.FlowChoice.TOTP) == {"enrollment": False}
    with refused("AuthenticationFailure"):
        totp(authn, state, used)
    state = totp(authn, state, app_code(secret, 1))
    assert (state.flow_phase, state.flow_choices) == ("phase_completed", [])
    authn.flow.complete(flow_id=state.flow_id)

    state = raw(authn, behind_password(), "recovery_code", {"code": codes[2].upper()})
    assert state.flow_phase == "phase_completed"
    assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == email
    [mail] = inbox.wait(email, 1)
    assert "recovery code" in mail["subject"].lower()
    with refused("AuthenticationFailure"):
        raw(authn, behind_password(), "recovery_code", {"code": codes[2]})

    # Who has lost it all is helped by the application.
    authn.user.authenticators.delete(email=email, authenticator_id=factors[1].id)
    state = behind_password()
    assert (choices(state), offered(state, m.FlowChoice.TOTP)["enrollment"]) == (["totp"], True)


def raw(authn, state, choice, data):
    """An update with a choice that the SDK's enumeration leaves out."""
    return authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data={"flow_id": state.flow_id, "choice": choice, "data": data}).result


def offered_by(state, word):
    return next(item.data for item in state.flow_choices if item.choice == word)
