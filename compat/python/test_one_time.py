"""One-time flows. The SDK has no names for how one is begun and completed, and
wants tokens of every completion; its transport takes both, and the steps between
are its own."""

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from pangea.response import PangeaResponseResult
from person import address, choices, offered
from shape import check_envelope, refused
from test_choices import NEVER

PASSWORD = "open sesame"


def begin(sdk, *auths):
    return sdk.flow.request.post("v2/flow/start", m.FlowStartResult, data={"flow_types": ["one_time"], "one_time_auths": list(auths)}).result


def complete(sdk, flow_id):
    return sdk.flow.request.post("v2/flow/complete", PangeaResponseResult, data={"flow_id": flow_id})


def test_a_mailbox_that_is_nobodys(texts, inbox):
    server, page, email = texts.service(), texts.client(), address()
    state = begin(server, {"auth_type": "email_otp", "email": email}, {"auth_type": "password", "password": PASSWORD})
    assert (state.flow_type, state.flow_phase, choices(state)) == (["one_time"], "phase_one_time", ["password", "set_email"])
    assert offered(state, m.FlowChoice.PASSWORD)["enrollment"] is False
    step = {"flow_id": state.flow_id}
    state = page.flow.update(**step, choice=m.FlowChoice.SET_EMAIL, data=m.FlowUpdateDataSetEmail(email=email)).result
    assert offered(state, m.FlowChoice.EMAIL_OTP) == {"enrollment": False, "sent": False, "resend_time": NEVER}
    page.flow.restart(**step, choice=m.FlowChoice.EMAIL_OTP, data={})
    state = page.flow.update(**step, choice=m.FlowChoice.EMAIL_OTP, data=m.FlowUpdateDataEmailOTP(code=inbox.code(email))).result
    assert (state.flow_type, state.flow_phase, state.flow_choices) == (["one_time"], "phase_completed", [])
    with refused(pe.UnauthorizedException, "Unauthorized", 403):
        complete(page, state.flow_id)
    response = complete(server, state.flow_id)
    check_envelope(response, "Flow completed")
    assert response.raw_result == {"one_time": {"auth_type": "email_otp", "email": email}}
    with refused(pe.NotFound, "NotFound", 404, ("DoesNotExist", "/flow_id")):
        complete(server, state.flow_id)
    with pytest.raises(pe.NotFound):
        server.user.profile.get(email=email)


def test_whoever_is_not_named_sees_the_same(texts, inbox):
    server, page, email, stranger = texts.service(), texts.client(), address(), address()
    looks = []
    for who in (email, stranger):
        state = begin(server, {"auth_type": "email_otp", "email": email})
        page.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.SET_EMAIL, data=m.FlowUpdateDataSetEmail(email=who))
        state = page.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP, data={}).result
        looks.append((choices(state), offered(state, m.FlowChoice.EMAIL_OTP) | {"resend_time": ""}))
    assert looks[0] == looks[1]
    inbox.code(email)
    assert inbox.to(stranger) == []
