"""The states of an SMS and the moves between them."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sales.domain.sms.states import LONGEST_WAIT_SECONDS, Cause, Status, backoff, move

FINAL = {Status.delivered, Status.undelivered, Status.failed, Status.suppressed}


def test_a_final_state_never_goes_back_unless_a_person_asks() -> None:
    # Only a delivery report moves one on: it proves that the provider has sent the text.
    forward = {
        (Status.undelivered, Cause.report_success): Status.delivered,
        (Status.failed, Cause.report_interim): Status.sent,
        (Status.failed, Cause.report_failure): Status.undelivered,
        (Status.failed, Cause.report_success): Status.delivered,
    }
    for status in FINAL:
        for cause in set(Cause) - {Cause.requested}:
            assert move(status, cause) is forward.get((status, cause))


def test_only_a_person_moves_a_suppressed_text() -> None:
    moves = {cause: move(Status.suppressed, cause) for cause in Cause}
    assert {cause: status for cause, status in moves.items() if status} == {Cause.requested: Status.queued}


def test_only_a_queued_text_can_be_claimed() -> None:
    assert [status for status in Status if move(status, Cause.claimed)] == [Status.queued]


def test_an_unknown_text_is_queued_again_only_by_a_person_or_if_certainly_not_sent() -> None:
    causes = {cause for cause in Cause if move(Status.unknown, cause) is Status.queued}
    assert causes == {Cause.requested, Cause.deferred, Cause.misconfigured}


def test_a_person_may_ask_again_in_every_settled_state() -> None:
    assert {status for status in Status if move(status, Cause.requested)} == {
        Status.failed,
        Status.unknown,
        Status.undelivered,
        Status.sent,
        Status.delivered,
        Status.suppressed,
    }


@pytest.mark.parametrize(
    "events",
    [
        (Cause.accepted, Cause.report_interim, Cause.report_success),
        (Cause.accepted, Cause.report_failure),
        (Cause.accepted, Cause.report_failure, Cause.report_success, Cause.report_interim),
        (Cause.ambiguous, Cause.report_success, Cause.report_failure),
        (Cause.accepted, Cause.report_success, Cause.report_success),
        (Cause.refused, Cause.report_interim, Cause.report_success),
        (Cause.refused, Cause.report_failure),
    ],
)
@pytest.mark.parametrize("start", [Status.sending, Status.unknown])
def test_answer_and_reports_end_in_the_same_state_in_every_order(events: tuple[Cause, ...], start: Status) -> None:
    ends = set()
    for order in permutations(events):
        status = start
        for cause in order:
            status = move(status, cause) or status
        ends.add(status)
    assert len(ends) == 1


@given(st.data())
def test_answers_leases_and_reports_in_any_order_end_in_the_strongest_state(data: st.DataObject) -> None:
    reports = st.sampled_from([Cause.report_interim, Cause.report_failure, Cause.report_success])
    answers = st.lists(st.sampled_from([Cause.accepted, Cause.ambiguous, Cause.lease_expired]), min_size=1, max_size=3)
    events = data.draw(answers) + data.draw(st.lists(reports, max_size=6))
    status = Status.sending
    for cause in data.draw(st.permutations(events)):
        status = move(status, cause) or status
    if Cause.report_success in events:
        assert status is Status.delivered
    elif Cause.report_failure in events:
        assert status is Status.undelivered
    elif {Cause.accepted, Cause.report_interim} & set(events):
        assert status is Status.sent
    else:
        assert status is Status.unknown


@given(st.lists(st.sampled_from([cause for cause in Cause if cause is not Cause.requested]), max_size=30))
def test_a_text_that_the_provider_has_is_never_queued_again_unless_a_person_asks(causes: list[Cause]) -> None:
    status, taken = Status.queued, False
    for cause in causes:
        status = move(status, cause) or status
        taken = taken or status in {Status.sent, Status.delivered, Status.undelivered}
        assert not (taken and status in {Status.queued, Status.sending})


@given(st.integers(1, 100), st.floats(0, 0.999))
def test_waits_double_up_to_an_hour(attempt: int, jitter: float) -> None:
    wait = backoff(attempt, 30, jitter)
    assert min(30 * 2 ** (attempt - 1), 3600) <= wait < 3600 * 1.2 + 1
    assert backoff(attempt, 30, 0) <= backoff(attempt + 1, 30, 0)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (1000, 3600)])
def test_the_wait_after_an_attempt_without_jitter(attempt: int, seconds: float) -> None:
    assert backoff(attempt, 30, 0) == seconds


def test_jitter_adds_up_to_a_fifth_and_no_wait_is_longer_than_the_longest() -> None:
    assert backoff(1, 30, 0.5) == pytest.approx(33)
    assert backoff(100, 30, 1) == LONGEST_WAIT_SECONDS == 3600 * 1.2
