select
    all_participations.repo_type,
    all_participations.repo_id,
    concat(all_participations.repo_type, '/', all_participations.repo_key) as repo,
    coalesce(all_participations.namespace, repo) as namespace,
    all_participations.author,
    all_participations.is_committer,
    all_participations.is_first_author,
    all_participations.active_weeks
from all_participations
inner join authors on all_participations.author = authors.author
where not authors.is_bot
