"""People who sign up and in, in the way of the vendor's own suites: whatever
choice is listed is answered for as long as it is listed."""

import secrets
from dataclasses import dataclass, field

import pangea.services.authn.models as m
from pangea.services.authn.authn import AuthN
from pool import CALLBACK

# What the vendor's suites use, and what their pools must take.
PASSWORD = "My1s+Password"
NEW_PASSWORD = "My1s+Password_new"
PROFILE = {"first_name": "Name", "last_name": "Last"}


def address(who: str = "user.email") -> str:
    """An address that nobody has. It has + and _ in it, as the vendor's have."""
    return f"{who}+test_{secrets.token_hex(8)}@pangea.cloud"


@dataclass
class Person:
    email: str = field(default_factory=address)
    password: str = PASSWORD
    profile: dict = field(default_factory=lambda: dict(PROFILE))


def offered(state: m.CommonFlowResult, choice: m.FlowChoice) -> dict | None:
    """The data of a choice that is on offer."""
    for item in state.flow_choices:
        if item.choice == choice.value:
            return item.data
    return None


def choices(state: m.CommonFlowResult) -> list[str]:
    return [item.choice for item in state.flow_choices]


def answer(authn: AuthN, state: m.CommonFlowResult, who: Person) -> m.CommonFlowResult:
    """Answers choices until the flow is complete, or until none of those is
    listed that a person can answer without a mailbox."""
    for _ in range(10):
        if state.flow_phase == "phase_completed":
            return state
        if offered(state, m.FlowChoice.PASSWORD) is not None:
            choice, data = m.FlowChoice.PASSWORD, m.FlowUpdateDataPassword(password=who.password)
        elif offered(state, m.FlowChoice.PROFILE) is not None:
            choice, data = m.FlowChoice.PROFILE, m.FlowUpdateDataProfile(profile=who.profile)
        else:
            return state
        state = authn.flow.update(flow_id=state.flow_id, choice=choice, data=data).result
    raise AssertionError(f"a choice stays listed though it was answered: {state}")


def start(authn: AuthN, email: str, *types: m.FlowType) -> m.FlowStartResult:
    response = authn.flow.start(cb_uri=CALLBACK, email=email, flow_types=list(types) or [m.FlowType.SIGNUP, m.FlowType.SIGNIN])
    assert response.success
    return response.result


def sign_up(authn: AuthN, who: Person | None = None) -> tuple[Person, m.FlowCompleteResult]:
    who = who or Person()
    state = answer(authn, start(authn, who.email), who)
    assert state.flow_phase == "phase_completed", state
    return who, authn.flow.complete(flow_id=state.flow_id).result


def sign_in(authn: AuthN, who: Person) -> m.FlowCompleteResult:
    state = start(authn, who.email, m.FlowType.SIGNIN)
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=who.password))
    return authn.flow.complete(flow_id=state.flow_id).result
