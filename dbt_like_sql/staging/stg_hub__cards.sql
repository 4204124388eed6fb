select
    snapshot_date,
    observed_at,
    repo_type,
    repo_key,
    repo_id,
    sha,
    text as card_text,
    licenses,
    languages,
    datasets,
    tasks,
    outcome,
    -- the Hub sends `EntryNotFound` for a repository that exists but has no README
    case when outcome = 'ok' then true when error_code = 'EntryNotFound' then false end as has_card,
    status,
    error_code,
    message,
    attempts as n_attempts,
    calls as n_calls
from {{ source('enrich_hub', 'cards') }}
