"""The language of runs: what it reads, how it refuses, and that its text means the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_joblog.filters import OUTCOME_WORDS
from otel_joblog.runquery import IS, TEXTS, QueryError, RunQuery, Term, Value

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
exact = texts.map(Value)
patterns = st.from_regex(r'[^\s",\0\ud800-\udfff]{0,8}\*[^\s",\0\ud800-\udfff]{0,8}', fullmatch=True).map(
    lambda text: Value(text, pattern=True)
)
several = st.lists(exact | patterns, min_size=1, max_size=3).map(tuple)
one_of = {
    "status": st.lists(st.sampled_from(OUTCOME_WORDS).map(Value), min_size=1, max_size=3).map(tuple),
    **dict.fromkeys(TEXTS, several),
    "since": st.sampled_from(["7d", "today", "2026-11-03T03:12:00+01:00"]).map(lambda text: (Value(text),)),
    "duration": st.sampled_from([">60s", "<1.5h", ">=200ms"]).map(lambda text: (Value(text),)),
    "attempt": st.sampled_from([">1", "2", "<=3"]).map(lambda text: (Value(text),)),
    "error": st.lists(st.sampled_from(["0" * 16, "0123456789abcdef"]).map(Value), min_size=1).map(tuple),
    "is": st.sampled_from(IS).map(lambda text: (Value(text),)),
    "": exact.map(lambda value: (value,)),
}
negatable = {*TEXTS, "status", "error", ""}
named = st.sampled_from(sorted(one_of)).flatmap(
    lambda key: st.builds(Term, st.just(key), one_of[key], st.booleans() if key in negatable else st.just(False))
)
attributes = st.builds(Term, texts.map("attr.{}".format), several, st.booleans())


def joined(terms: list[Term]) -> RunQuery:
    query = RunQuery()
    for term in terms:
        try:
            query = query.having([term])
        except QueryError:
            continue
    return query


@given(st.lists(named | attributes, max_size=6).map(joined))
def test_the_text_of_a_query_means_the_same_again(query: RunQuery) -> None:
    assert RunQuery.parse(str(query)) == query


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("status:error,Lost", [Term("status", (Value("error"), Value("Lost")))]),
        ("job:billing.*", [Term("job", (Value("billing.*", True),))]),
        ('job:"billing.*"', [Term("job", (Value("billing.*"),))]),
        ('job:"night import",b', [Term("job", (Value("night import"), Value("b")))]),
        ("reference:ORD-17", [Term("ref", (Value("ORD-17"),))]),
        ("-host:web-1", [Term("host", (Value("web-1"),), negated=True)]),
        ("attr.customer:42", [Term("attr.customer", (Value("42"),))]),
        ('attr."my key: x":42', [Term("attr.my key: x", (Value("42"),))]),
        (r'"say \"no\" \\"', [Term("", (Value(r'say "no" \ '.strip()),))]),
        ("timed out", [Term("", (Value("timed"),)), Term("", (Value("out"),))]),
        ("duration:>1m duration:<5m", [Term("duration", (Value(">1m"),)), Term("duration", (Value("<5m"),))]),
        ("since:2026-11-03T03:12", [Term("since", (Value("2026-11-03T03:12"),))]),
        ('type:""', [Term("type", (Value(""),))]),
    ],
)
def test_a_query_is_read(text: str, terms: list[Term]) -> None:
    assert RunQuery.parse(text) == RunQuery(tuple(terms))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("job:a statsu:error", "at character 7, 'statsu:error': there is no key 'statsu'; use status, job, service,"),
        ("status:broken", "use pending, running,"),
        ('job:"a', "the quotes are not closed"),
        ('"a', "the quotes are not closed"),
        ("job: a", "a value is missing"),
        ("job:a, b", "a value is missing"),
        ('job:"a"b', "put a space behind the closing quotes"),
        ("duration:60s", "as in duration:>60s"),
        ("attempt:many", "as in attempt:>1"),
        ("since:yesterday", "such as 2026-11-03T03:12"),
        ("-since:7d", "say it the other way round"),
        ("error:12", "16 digits"),
        ("is:green", "use slow or unresponsive"),
        ("job:a job:b", "job:a and job:b ask for the same: give one, or several values with commas, as in job:a,b"),
        ("duration:>1m duration:>2m", "ask for the same"),
        ("http://x", "there is no key 'http'"),
        ("a-b:c", "put text with a colon in quotes"),
        ("x" * 2_001, "2,000 characters at most"),
        ("a\0b", "NUL"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place_and_what_could_stand_there(text: str, said: str) -> None:
    with pytest.raises(QueryError) as refused:
        RunQuery.parse(text)
    assert said in str(refused.value)


def test_parameters_and_a_query_are_one() -> None:
    query = RunQuery.parse("host:web-1").having(
        RunQuery.of(job="a*b", status=["error,lost"], retried=False, reference="", since=None).terms
    )
    assert str(query) == 'host:web-1 job:"a*b" status:error,lost -status:retried'
    with pytest.raises(QueryError, match="there is no key 'jbo'"):
        RunQuery.of(jbo="a")
