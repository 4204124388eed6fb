with

edges as (
    select * from {{ ref('int_hub__space_models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    snapshot_date,
    count(distinct space_key) as n_spaces,
    count(*) as n_edges,
    count(case when is_resolved then 1 end) as n_edges_resolved,
    count(case when match_method = 'alias' then 1 end) as n_edges_by_alias,
    count(distinct model_id) as n_models_named,
    count(distinct case when not is_resolved then model_id end) as n_models_unresolved,
    count(distinct case when not is_resolved and alias_outcome = 'moved' then model_id end) as n_ids_moved,
    count(distinct case when not is_resolved and alias_outcome = 'gone' then model_id end) as n_ids_gone,
    count(distinct case when not is_resolved and coalesce(alias_outcome, 'not_asked') = 'not_asked' then model_id end)
        as n_ids_not_asked
from edges
group by snapshot_date
