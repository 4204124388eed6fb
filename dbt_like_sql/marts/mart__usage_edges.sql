-- a Space may reference a model under several ids
select distinct
    snapshot_date,
    space_key,
    model_key
from {{ ref('int_hub__space_models') }}
where snapshot_date = date '{{ var('snapshot_date') }}' and is_resolved
