"""Rules about where people come from, through the SDK of an application that
says for whom it calls. The file of places knows addresses that are nobody's:
192.0.2.0/25 is Berlin, 198.51.100.0/24 New York, 203.0.113.64/26 Tehran."""

import contextlib

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from person import Person, choices, offered, sign_in, sign_up, start

BERLIN, LISTED, NEW_YORK, TEHRAN = "192.0.2.10", "192.0.2.20", "198.51.100.10", "203.0.113.70"


@contextlib.contextmanager
def refused(kind, status, http=403):
    with pytest.raises(kind) as problem:
        yield
    assert type(problem.value) is kind
    assert (problem.value.response.status, problem.value.response.http_status) == (status, http)
    assert problem.value.response.request_id.startswith("prq_")


def at(pool, address):
    """The SDK of a server that calls for somebody at an address."""
    sdk = pool.service()
    sdk.flow.request.set_extra_headers({"X-End-User-Address": address})
    return sdk


def give(authn, state, who):
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=who.password)).result


def test_impossible_travel(judged):
    who, _ = sign_up(at(judged, BERLIN))
    away = at(judged, NEW_YORK)
    state = start(away, who.email, m.FlowType.SIGNIN)
    with refused(pe.PangeaAPIException, "TravelDistanceExceeded"):
        give(away, state, who)
    # The flow is usable still, from where one can be.
    home = at(judged, BERLIN)
    state = give(home, state, who)
    assert state.flow_phase == "phase_completed"
    with refused(pe.PangeaAPIException, "TravelDistanceExceeded"):
        away.flow.complete(flow_id=state.flow_id)
    assert home.flow.complete(flow_id=state.flow_id).result.active_token.email == who.email
    user = home.user.profile.get(email=who.email).result
    assert (user.last_login_ip, user.last_login_city, user.last_login_country) == (BERLIN, "Berlin", "Germany")


def test_embargo(judged):
    who, _ = sign_up(at(judged, BERLIN))
    away = at(judged, TEHRAN)
    with refused(pe.UnauthorizedException, "Unauthorized"):
        sign_in(away, who)
    new = Person()
    with refused(pe.UnauthorizedException, "Unauthorized"):
        sign_up(away, new)
    with pytest.raises(pe.NotFound):
        away.user.profile.get(email=new.email)
    # A wrong password is that and no more, wherever it comes from.
    with refused(pe.PangeaAPIException, "AuthenticationFailure", 400):
        sign_in(away, Person(email=who.email, password="Not1s+Password"))


def test_disposable_domains(judged):
    with refused(pe.UnauthorizedException, "Unauthorized"):
        sign_up(at(judged, BERLIN), Person(email="somebody@mailinator.com"))


def test_a_second_factor_is_asked_for(judged, inbox):
    who, there, home = Person(), at(judged, LISTED), at(judged, BERLIN)
    state = give(there, start(there, who.email), who)
    assert (state.flow_phase, choices(state)) == ("phase_secondary", ["email_otp"])
    assert offered(state, m.FlowChoice.EMAIL_OTP)["enrollment"] is True

    def prove(state, sent):
        there.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP)
        data = m.FlowUpdateDataEmailOTP(code=inbox.code(who.email, sent))
        state = there.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.EMAIL_OTP, data=data).result
        assert state.flow_phase == "phase_completed"
        there.flow.complete(flow_id=state.flow_id)

    prove(state, 1)
    sign_in(home, who)
    state = give(there, start(there, who.email, m.FlowType.SIGNIN), who)
    assert (state.flow_phase, offered(state, m.FlowChoice.EMAIL_OTP)["enrollment"]) == ("phase_secondary", False)
    prove(state, 2)


def test_who_has_no_second_factor_is_kept_out(judged):
    who, _ = sign_up(at(judged, BERLIN))
    with refused(pe.UnauthorizedException, "Unauthorized"):
        sign_in(at(judged, LISTED), who)


def test_an_address_that_nobody_tells_is_not_judged(judged):
    who, _ = sign_up(judged.service())
    assert sign_in(judged.service(), who).active_token.email == who.email
    # Nor does a client token tell one.
    client = judged.client()
    client.flow.request.set_extra_headers({"X-End-User-Address": TEHRAN, "X-Forwarded-For": TEHRAN})
    sign_in(client, who)
