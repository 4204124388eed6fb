select
    snapshot_date,
    observed_at,
    repo_type,
    repo_id,
    target_id,
    repo_key,
    outcome,
    status,
    error_code,
    message,
    attempts as n_attempts,
    calls as n_calls
from {{ source('enrich_hub', 'aliases') }}
