-- the study's network of author strings: an edge from who made a commit to all others of a model repository
select distinct sources.author as source, targets.author as target
from participations as sources
inner join participations as targets on sources.repo = targets.repo
where sources.repo_type = 'model' and sources.is_first_author and targets.is_committer
    and sources.author <> targets.author
