select
    snapshot_date,
    count(distinct space_key) as n_spaces,
    count(*) as n_edges,
    sum(cast(is_resolved as integer)) as n_edges_resolved,
    count(distinct model_id) as n_models_named,
    count(distinct case when not is_resolved then model_id end) as n_models_unresolved
from {{ ref('int_hub__space_models') }}
where snapshot_date = {{ var('snapshot_date') }}
group by snapshot_date
