"""A proof of work at sign-up, through the SDK, as an application solves it in
its own pages."""

import base64
import hashlib
import json

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from person import PASSWORD, address, choices, offered, start
from test_choices import refused


def solve(challenge: dict) -> str:
    """What ALTCHA's widgets do with a challenge."""
    assert challenge["algorithm"] == "SHA-256"
    for number in range(challenge["maxnumber"] + 1):
        if hashlib.sha256(f"{challenge['salt']}{number}".encode()).hexdigest() == challenge["challenge"]:
            payload = {key: challenge[key] for key in ("algorithm", "challenge", "salt", "signature")} | {"number": number}
            return base64.b64encode(json.dumps(payload).encode()).decode()
    raise AssertionError("the challenge has no solution")


def solved(authn, state, code: str):
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.CAPTCHA, data=m.FlowUpdateDataCaptcha(code=code)).result


def test_a_captcha_stands_before_somebody_new(captcha, inbox):
    authn, email = captcha.service(), address()
    state = start(authn, email)
    assert choices(state) == ["captcha", "password"]
    with refused("AuthenticationFailure"):
        solved(authn, state, solve(offered(start(authn, address()), m.FlowChoice.CAPTCHA)["challenge"]))
    data = offered(state, m.FlowChoice.CAPTCHA)
    assert (data["site_key"], data["provider"]) == ("", "altcha")
    code = solve(data["challenge"])
    state = solved(authn, state, code)
    assert choices(state) == ["password", "email_otp"]
    with pytest.raises(pe.ValidationException) as problem:
        solved(authn, state, code)
    assert [(e.code, e.source) for e in problem.value.errors] == [("BadState", "/choice")]
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
    [mail] = inbox.wait(email, 1)
    state = authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP, data=m.FlowUpdateDataEmailOTP(code=mail["codes"][0])).result
    assert state.flow_phase == "phase_completed"
    assert authn.flow.complete(flow_id=state.flow_id).result.active_token.email == email

    # Who is there has none.
    assert choices(start(authn, email)) == ["email_otp", "reset_password"]


def test_behind_the_password_the_captcha_is_all(captcha):
    authn, email = captcha.service(), address()
    state = start(authn, email)
    state = authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=PASSWORD)).result
    assert (state.flow_phase, choices(state)) == ("phase_captcha", ["captcha"])
    with pytest.raises(pe.PangeaAPIException):
        authn.user.profile.get(email=email)
    state = solved(authn, state, solve(offered(state, m.FlowChoice.CAPTCHA)["challenge"]))
    assert state.flow_phase == "phase_completed"
