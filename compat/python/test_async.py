"""The SDK's asyncio half: the same server, other models and another transport."""

import asyncio

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from inbox import ticket
from person import NEW_PASSWORD, PASSWORD, PROFILE, Person, address, choices, offered
from pool import CALLBACK
from shape import bad_token, check_envelope, check_token, check_tokens, check_user, invalid, near_now, not_found, unauthorized, wrong_password


def run(pool, story):
    """Runs a story with the SDK, and closes the SDK after it."""

    async def main():
        async with pool.service_async() as authn:
            try:
                await story(authn)
            finally:
                # The SDK's own close forgets these.
                for part in (authn, authn.user, authn.client):
                    await part.request.session.close()

    asyncio.run(main())


async def answer(authn, state, who):
    for _ in range(10):
        if offered(state, m.FlowChoice.PASSWORD) is not None:
            choice, data = m.FlowChoice.PASSWORD, m.FlowUpdateDataPassword(password=who.password)
        elif offered(state, m.FlowChoice.PROFILE) is not None:
            choice, data = m.FlowChoice.PROFILE, m.FlowUpdateDataProfile(profile=who.profile)
        else:
            return state
        state = (await authn.flow.update(flow_id=state.flow_id, choice=choice, data=data)).result
    raise AssertionError(f"a choice stays listed though it was answered: {state}")


async def enter(authn, who, *types) -> m.FlowCompleteResult:
    response = await authn.flow.start(cb_uri=CALLBACK, email=who.email, flow_types=list(types))
    check_envelope(response, "Flow started")
    state = await answer(authn, response.result, who)
    assert state.flow_phase == "phase_completed"
    response = await authn.flow.complete(flow_id=state.flow_id)
    check_envelope(response, "Flow completed")
    check_tokens(response.result, who.email, who.profile)
    return response.result


def test_sign_up_in_and_out(pool):
    async def story(authn):
        who = Person()
        await enter(authn, who, m.FlowType.SIGNUP, m.FlowType.SIGNIN)
        tokens = await enter(authn, who, m.FlowType.SIGNIN)

        response = await authn.client.token_endpoints.check(token=tokens.active_token.token)
        check_envelope(response, "Token checked")
        check_token(m.LoginToken(**{**response.raw_result, "token": tokens.active_token.token}), "user", who.email, who.profile)

        response = await authn.client.session.refresh(refresh_token=tokens.refresh_token.token, user_token=tokens.active_token.token)
        check_envelope(response, "Session refreshed")
        check_tokens(response.result, who.email, who.profile)
        assert response.result.refresh_token.id == tokens.refresh_token.id
        token = response.result.active_token.token

        response = await authn.client.password.change(token=token, old_password=who.password, new_password=NEW_PASSWORD)
        check_envelope(response, "Password changed")
        assert response.raw_result == {}
        with wrong_password():
            await enter(authn, who, m.FlowType.SIGNIN)
        await enter(authn, Person(email=who.email, password=NEW_PASSWORD), m.FlowType.SIGNIN)

        response = await authn.client.session.logout(token=token)
        check_envelope(response, "Logged out")
        assert response.raw_result == {}
        with bad_token():
            await authn.client.token_endpoints.check(token=token)
        with bad_token():
            await authn.client.userinfo(code="pmc_" + "a" * 32)

    run(pool, story)


def test_users(pool):
    async def story(authn):
        email = address()
        response = await authn.user.create(email=email, profile=PROFILE)
        check_envelope(response, "User created")
        check_user(response.result, email, PROFILE)
        user = response.result

        response = await authn.user.profile.get(email=email)
        check_envelope(response, "User profile")
        check_user(response.result, email, PROFILE, locked_out=False)
        assert (await authn.user.profile.get(id=user.id)).result.id == user.id

        response = await authn.user.profile.update(profile={"first_name": "Ana"}, id=user.id)
        check_envelope(response, "User profile updated")
        merged = {**PROFILE, "first_name": "Ana"}
        check_user(response.result, email, merged, locked_out=False)

        for disabled in (True, False):
            response = await authn.user.update(disabled=disabled, email=email)
            check_envelope(response, "User updated")
            check_user(response.result, email, merged, disabled=disabled, locked_out=False)

        response = await authn.user.list(filter={"email": email})
        check_envelope(response, "Users listed")
        assert (response.result.count, response.result.last) == (1, None)
        check_user(response.result.users[0], email, merged)
        response = await authn.user.list(filter=m.UserListFilter(id__in=[user.id]), order=m.ItemOrder.DESC, order_by=m.UserListOrderBy.EMAIL, size=1)
        assert [u.id for u in response.result.users] == [user.id]

        response = await authn.user.delete(email=email)
        check_envelope(response, "User deleted")
        assert response.result is None
        with not_found():
            await authn.user.profile.get(id=user.id)

    run(pool, story)


def test_sessions_and_authenticators(pool):
    async def story(authn):
        who = Person()
        first = await enter(authn, who, m.FlowType.SIGNUP)
        second = await enter(authn, who, m.FlowType.SIGNIN)
        response = await authn.session.list(filter=m.SessionListFilter(email=who.email), order=m.ItemOrder.DESC, order_by=m.SessionListOrderBy.CREATED_AT, size=1)
        check_envelope(response, "Sessions listed")
        assert ([s.id for s in response.result.sessions], response.raw_result["count"]) == ([second.refresh_token.id], 2)
        response = await authn.session.list(
            filter={"email": who.email}, order=m.ItemOrder.DESC, order_by=m.SessionListOrderBy.CREATED_AT, size=1, last=response.result.last
        )
        assert ([s.id for s in response.result.sessions], response.result.last) == ([first.refresh_token.id], "")
        assert response.result.sessions[0].active_token.id == first.active_token.id

        token = second.active_token.token
        response = await authn.client.session.list(token=token, filter={})
        check_envelope(response, "Sessions listed")
        assert [s.id for s in response.result.sessions] == [first.refresh_token.id, second.refresh_token.id]
        response = await authn.client.session.invalidate(token=token, session_id=first.refresh_token.id)
        check_envelope(response, "Session invalidated")
        response = await authn.session.invalidate(session_id=second.refresh_token.id)
        check_envelope(response, "Session invalidated")
        with not_found():
            await authn.session.invalidate(session_id=second.refresh_token.id)
        with bad_token():
            await authn.client.session.list(token=token)

        tokens = await enter(authn, who, m.FlowType.SIGNIN)
        identity = tokens.active_token.identity
        response = await authn.session.logout(user_id=identity)
        check_envelope(response, "Logged out")
        with bad_token():
            await authn.client.token_endpoints.check(token=tokens.active_token.token)

        response = await authn.user.authenticators.list(email=who.email)
        check_envelope(response, "Authenticators listed")
        [factor] = response.result.authenticators
        assert (factor.type, factor.enabled, factor.phase) == ("password", True, "primary")
        response = await authn.client.password.expire(identity)
        check_envelope(response, "Password expired")
        state = (await authn.flow.start(cb_uri=CALLBACK, email=who.email, flow_types=[m.FlowType.SIGNIN])).result
        data = m.FlowUpdateDataPassword(password=who.password)
        state = (await authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=data)).result
        assert (state.flow_phase, choices(state)) == ("phase_set_password", ["set_password"])
        response = await authn.user.authenticators.delete(authenticator_id=factor.id, id=identity)
        check_envelope(response, "Authenticator deleted")
        assert (await authn.user.authenticators.list(id=identity)).result.authenticators == []

    run(pool, story)


def test_flow_without_an_address_and_its_restart(pool, inbox):
    async def story(authn):
        who = Person()
        await enter(authn, who, m.FlowType.SIGNUP)
        response = await authn.flow.start()
        assert choices(response.result) == ["set_email"]
        flow_id = response.result.flow_id
        response = await authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.SET_EMAIL, data=m.FlowUpdateDataSetEmail(email=who.email))
        check_envelope(response, "Flow updated")
        state = offered(response.result, m.FlowChoice.RESET_PASSWORD)["state"]
        response = await authn.flow.restart(flow_id=flow_id, choice=m.FlowChoice.RESET_PASSWORD)
        check_envelope(response, "Flow updated")
        sent = offered(response.result, m.FlowChoice.RESET_PASSWORD)
        assert (sent["sent"], sent["state"]) == (True, state)
        code = ticket(inbox.link(who.email, "reset_password"))
        data = m.FlowUpdateDataResetPassword(state=state, code=code)
        response = await authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.RESET_PASSWORD, data=data)
        assert "set_password" in choices(response.result)

    run(pool, story)


def test_errors(pool):
    async def story(authn):
        with invalid(("BadFormatEmail", "/email")):
            await authn.user.create(email="someone", profile={})
        with invalid(("MustProvideOne", "")):
            await authn.user.delete()
        with not_found():
            await authn.user.profile.get(email=address())
        with not_found("/flow_id"):
            await authn.flow.complete(flow_id="pfl_" + "a" * 32)
        with not_found():
            await authn.poll_result(request_id="prq_" + "a" * 32)
        assert (await authn.client.jwks()).result.keys == []
        state = (await authn.flow.start(email=address(), flow_types=[m.FlowType.SIGNIN])).result
        with wrong_password():
            await authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": PASSWORD})

    run(pool, story)


def test_tokens_that_open_nothing(pool):
    async def story(authn):
        for token, http in (("pts_" + "a" * 32, 401), (pool.client_token, 403)):
            async with type(authn.user)(token=token, config=pool.config()) as user:
                with unauthorized(http):
                    await user.list()

    run(pool, story)


def test_many_at_once(pool):
    """Twelve people sign up side by side; another address is given to three."""

    async def story(authn):
        people = [Person() for _ in range(12)]
        contested = address()
        tokens = await asyncio.gather(*(enter(authn, who, m.FlowType.SIGNUP, m.FlowType.SIGNIN) for who in people))
        assert len({t.active_token.identity for t in tokens}) == 12
        outcomes = await asyncio.gather(*(authn.user.create(email=contested, profile={}) for _ in range(3)), return_exceptions=True)
        assert sorted(type(o) is pe.ValidationException for o in outcomes) == [False, True, True]
        user = (await authn.user.profile.get(email=people[0].email)).result
        check_user(user, people[0].email, PROFILE, login_count=1, last_login_at=near_now, last_login_ip="127.0.0.1", locked_out=False)

    run(pool, story)


def test_one_refresh_token_at_once(pool):
    """However many come with one refresh token, they share one successor."""

    async def story(authn):
        tokens = await enter(authn, Person(), m.FlowType.SIGNUP, m.FlowType.SIGNIN)
        results = await asyncio.gather(*(authn.client.session.refresh(refresh_token=tokens.refresh_token.token) for _ in range(10)))
        assert len({r.result.refresh_token.token for r in results}) == 1
        assert len({r.result.active_token.token for r in results}) == 1

    run(pool, story)


def test_one_flow_completes_once(pool):
    async def story(authn):
        who = Person()
        state = await answer(authn, (await authn.flow.start(email=who.email)).result, who)
        outcomes = await asyncio.gather(*(authn.flow.complete(flow_id=state.flow_id) for _ in range(8)), return_exceptions=True)
        assert sorted(isinstance(o, Exception) for o in outcomes) == [False] + [True] * 7
        assert {o.response.status for o in outcomes if isinstance(o, Exception)} <= {"NotFound", "Conflict"}
        assert (await authn.user.profile.get(email=who.email)).result.login_count == 1

    run(pool, story)
