"""user.authenticators and client.password.expire."""

import pangea.services.authn.models as m
import pytest
from inbox import ticket
from person import NEW_PASSWORD, PASSWORD, Person, address, choices, offered, sign_in, sign_up, start
from shape import BOTH_POLICIES, bad_token, check_envelope, check_tokens, invalid, is_id, moment, near_now, not_found


def sign_in_until_due(authn, who):
    state = start(authn, who.email, m.FlowType.SIGNIN)
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=who.password)).result


def test_expire(authn):
    who, tokens = sign_up(authn)
    _, stranger = sign_up(authn)
    response = authn.client.password.expire(tokens.active_token.identity)
    check_envelope(response, "Password expired")
    assert response.raw_result == {}
    # The person's sessions end, as after a change of password; nobody else's do.
    with bad_token():
        authn.client.token_endpoints.check(tokens.active_token.token)
    assert authn.client.token_endpoints.check(stranger.active_token.token).success
    # Once more changes nothing.
    assert authn.client.password.expire(tokens.active_token.identity).raw_result == {}

    state = sign_in_until_due(authn, who)
    assert (state.flow_phase, choices(state), state.flow_type) == ("phase_set_password", ["set_password"], ["signin"])
    assert offered(state, m.FlowChoice.SET_PASSWORD) == {"enrollment": False, "password_policy": BOTH_POLICIES}
    with invalid(("BadState", "/flow_id")):
        authn.flow.complete(flow_id=state.flow_id)

    def choose(password):
        data = m.FlowUpdateDataSetPassword(password=password)
        return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.SET_PASSWORD, data=data)

    with invalid(("ShouldNotBeValid", "/data/password")):
        choose(who.password)
    with invalid(("BelowMinLength", "/data/password")):
        choose("short")
    response = choose(NEW_PASSWORD)
    check_envelope(response, "Flow updated")
    assert (response.result.flow_phase, response.result.flow_choices) == ("phase_completed", [])
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, who.email, who.profile)
    check_tokens(sign_in(authn, Person(email=who.email, password=NEW_PASSWORD)), who.email, who.profile)


def test_expire_in_the_midst_of_a_flow(authn):
    who, tokens = sign_up(authn)
    state = sign_in_until_due(authn, who)
    assert state.flow_phase == "phase_completed"
    authn.client.password.expire(tokens.active_token.identity)
    with invalid(("BadState", "/flow_id")):
        authn.flow.complete(flow_id=state.flow_id)
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.SET_PASSWORD, data=m.FlowUpdateDataSetPassword(password=NEW_PASSWORD))
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, who.email, who.profile)


def test_a_change_of_password_is_what_is_due(authn):
    """A new password by mail will do as well."""
    who, tokens = sign_up(authn)
    authn.client.password.expire(tokens.active_token.identity)
    assert set(choices(start(authn, who.email, m.FlowType.SIGNIN))) == {"password", "reset_password"}


def test_expire_refuses(authn, other):
    _, tokens = sign_up(authn)
    for sdk, nobody in ((authn, "pui_" + "a" * 32), (authn, tokens.active_token.id), (other.service(), tokens.active_token.identity)):
        with not_found():
            sdk.client.password.expire(nobody)
    with invalid(("FieldRequired", "/id")):
        authn.client.password.expire("")
    with invalid(("DoesNotMatchPattern", "/id")):
        authn.client.password.expire("a;b")
    assert authn.client.token_endpoints.check(tokens.active_token.token).success
    # Somebody without a password chooses one anyway.
    user = authn.user.create(email=address(), profile={}).result
    assert authn.client.password.expire(user.id).raw_result == {}


@pytest.mark.parametrize("by", ["id", "email", "username"])
def test_authenticators(authn, inbox, by):
    who, tokens = sign_up(authn)
    user = authn.user.profile.get(email=who.email).result
    selector = {by: getattr(user, by)}
    response = authn.user.authenticators.list(**selector)
    check_envelope(response, "Authenticators listed")
    [factor] = response.raw_result["authenticators"]
    assert set(factor) == {"id", "type", "enabled", "phase", "created_at", "updated_at"}
    assert is_id("pau", factor["id"])
    assert (factor["type"], factor["enabled"], factor["phase"]) == ("password", True, "primary")
    assert near_now(factor["created_at"]) == near_now(factor["updated_at"])
    [parsed] = response.result.authenticators
    assert (parsed.id, parsed.type, parsed.enabled, parsed.phase, parsed.provider, parsed.provider_name, parsed.rpid) == (factor["id"], "password", True, "primary", None, None, None)

    # A change of password keeps it, and shows in its time.
    authn.client.password.change(tokens.active_token.token, PASSWORD, NEW_PASSWORD)
    [changed] = authn.user.authenticators.list(**selector).raw_result["authenticators"]
    assert (changed["id"], changed["created_at"]) == (factor["id"], factor["created_at"])
    assert moment(changed["updated_at"]) > moment(factor["updated_at"])

    half = sign_in_until_due(authn, Person(email=who.email, password=NEW_PASSWORD))
    response = authn.user.authenticators.delete(authenticator_id=factor["id"], **selector)
    check_envelope(response, "Authenticator deleted")
    assert response.raw_result == {}
    assert authn.user.authenticators.list(**selector).raw_result == {"authenticators": []}
    with not_found():
        authn.user.authenticators.delete(authenticator_id=factor["id"], **selector)
    with bad_token():
        authn.client.token_endpoints.check(tokens.active_token.token)
    # What was proved with it proves nothing any more, and it opens nothing.
    with invalid(("BadState", "/flow_id")):
        authn.flow.complete(flow_id=half.flow_id)

    # The person enrols again, by mail.
    state = start(authn, who.email, m.FlowType.SIGNIN)
    assert choices(state) == ["reset_password", "provisional_enrollment"]
    state = authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD).result
    data = m.FlowUpdateDataResetPassword(state=offered(state, m.FlowChoice.RESET_PASSWORD)["state"], code=ticket(inbox.link(who.email, "reset_password")))
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD, data=data)
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.SET_PASSWORD, data=m.FlowUpdateDataSetPassword(password=PASSWORD))
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, who.email, who.profile)
    [again] = authn.user.authenticators.list(**selector).raw_result["authenticators"]
    assert again["id"] != factor["id"]
    check_tokens(sign_in(authn, who), who.email, who.profile)


def test_authenticators_refuse(authn, other):
    who, _ = sign_up(authn)
    stranger, _ = sign_up(authn)
    factor = authn.user.authenticators.list(email=who.email).result.authenticators[0].id
    for sdk, selector in (
        (authn, {"email": stranger.email}), (authn, {"email": address()}), (authn, {"id": "pui_" + "a" * 32}), (authn, {"username": "nobody"}),
        (other.service(), {"email": who.email}),
    ):
        with not_found():
            sdk.user.authenticators.delete(authenticator_id=factor, **selector)
    with not_found():
        authn.user.authenticators.list(email=address())
    with not_found():
        other.service().user.authenticators.list(email=who.email)
    for call in (lambda **s: authn.user.authenticators.list(**s), lambda **s: authn.user.authenticators.delete(authenticator_id=factor, **s)):
        with invalid(("MustProvideOne", "")):
            call()
        with invalid(("MutuallyExclusive", "")):
            call(email=who.email, username=who.email)
        with invalid(("DoesNotMatchPattern", "/id")):
            call(id="a;b")
    with invalid(("DoesNotMatchPattern", "/authenticator_id")):
        authn.user.authenticators.delete(authenticator_id="pau_x", email=who.email)
    with invalid(("FieldRequired", "/authenticator_id")):
        authn.user.authenticators.delete(authenticator_id="", email=who.email)
    assert len(authn.user.authenticators.list(email=who.email).result.authenticators) == 1
    user = authn.user.create(email=address(), profile={}).result
    assert authn.user.authenticators.list(id=user.id).raw_result == {"authenticators": []}
