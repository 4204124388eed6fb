with

pairs as (
    select
        snapshot_date, generators, decided_by, is_conflict, is_reopened,
        case when is_conflict then 'conflict' else decision end as outcome
    from {{ source('core', 'developer_pairs') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

proposed as (
    select snapshot_date, unnest(generators) as generator, outcome, decided_by, is_conflict, is_reopened
    from pairs
    union all
    select snapshot_date, 'all' as generator, outcome, decided_by, is_conflict, is_reopened
    from pairs
)

-- accepted pairs that were not merged count as conflicts, not as accepted or in review
select
    snapshot_date,
    generator,
    count(*) as n_pairs,
    count(case when outcome = 'accepted' and decided_by = 'rule' then 1 end) as n_accepted_by_rule,
    count(case when outcome = 'accepted' and decided_by = 'person' then 1 end) as n_accepted_by_person,
    count(case when outcome = 'rejected' and decided_by = 'rule' then 1 end) as n_rejected_by_rule,
    count(case when outcome = 'rejected' and decided_by = 'person' then 1 end) as n_rejected_by_person,
    count(case when outcome = 'review' then 1 end) as n_for_review,
    count(case when is_conflict then 1 end) as n_conflicts,
    count(case when is_reopened then 1 end) as n_reopened,
    count(case when outcome = 'accepted' then 1 end) / count(*) as share_accepted
from proposed
group by snapshot_date, generator
