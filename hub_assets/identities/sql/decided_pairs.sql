with
ruled as (
    select *, case {{ rules }} end as rule from evidence
)
select
    ruled.* exclude (n_words, n_full_words, is_spaced, is_common_initial, is_numbered_owner), -- noqa: AM04,RF02
    coalesce(decisions.decision, case ruled.rule {{ outcomes }} else 'review' end) as decision,
    case
        when decisions.decision is not null then 'person'
        when ruled.rule is not null then 'rule'
    end as decided_by,
    coalesce(decisions.evidence not in ('', ruled.evidence), false) as is_reopened
from ruled
left join decisions
    on ruled.author_a = decisions.author_a and ruled.author_b = decisions.author_b
order by ruled.author_a, ruled.author_b
