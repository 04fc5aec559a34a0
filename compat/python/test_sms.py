"""Codes by text message, through the SDK."""

import secrets

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from person import PASSWORD, address, choices, offered, start
from test_choices import NEVER, refused, wrong


def number() -> str:
    """A telephone number that nobody else here has."""
    return f"+1808555{secrets.randbelow(10_000):04d}"


def code(inbox, phone: str, count: int = 1) -> str:
    """The digits in the newest of so many text messages to a number."""
    return inbox.wait(phone, count)[0]["codes"][0]


def sms_otp(authn, state, digits):
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.SMS_OTP, data=m.FlowUpdateDataSMSOTP(code=digits)).result


def test_sms_otp_signs_up_and_in(texts, inbox):
    authn, email, phone = texts.service(), address(), number()
    before = len(inbox.to(phone))
    state = start(authn, email)
    assert choices(state) == ["password", "sms_otp"]
    assert offered(state, m.FlowChoice.SMS_OTP) == {"enrollment": True, "sent": False, "resend_time": NEVER, "need_phone": True}
    with pytest.raises(pe.ValidationException) as problem:
        authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.SMS_OTP)
    assert [(e.code, e.source) for e in problem.value.errors] == [("FieldRequired", "/data/phone")]
    state = authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.SMS_OTP, data=m.FlowRestartDataSMSOTP(phone=phone)).result
    data = offered(state, m.FlowChoice.SMS_OTP)
    assert (data["sent"], data["enrollment"], "need_phone" in data) == (True, True, False) and data["resend_time"] > NEVER
    digits = code(inbox, phone, before + 1)
    with refused("AuthenticationFailure"):
        sms_otp(authn, state, wrong(digits))
    state = sms_otp(authn, state, digits)
    assert (state.flow_phase, state.flow_choices) == ("phase_completed", [])
    authn.flow.complete(flow_id=state.flow_id)
    user = authn.user.profile.get(email=email).result
    assert (user.phone, user.verified) == (phone, False)
    [factor] = authn.user.authenticators.list(email=email).result.authenticators
    assert (factor.type, factor.phase, factor.enabled) == ("sms_otp", "primary", True)

    state = start(authn, email)
    assert choices(state) == ["sms_otp", "reset_password"]
    assert offered(state, m.FlowChoice.SMS_OTP) == {"enrollment": False, "sent": False, "resend_time": NEVER}
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.SMS_OTP)
    state = sms_otp(authn, state, code(inbox, phone, before + 2))
    assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == email


def test_numbers_that_cannot_be(texts):
    authn = texts.service()
    state = start(authn, address())
    for phone in ("911", "+1900", "+19005550199", "+44 909 8790000", "no number"):
        with pytest.raises(pe.ValidationException) as problem:
            authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.SMS_OTP, data=m.FlowRestartDataSMSOTP(phone=phone))
        assert [e.source for e in problem.value.errors] == ["/data/phone"]
    state = authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=PASSWORD)).result
    assert state.flow_phase == "phase_completed"
