-- the study's network of author strings: edges lead from a commit's author to all other committers of the same model
select distinct sources.author as source, targets.author as target
from participations as sources
inner join participations as targets on sources.repo = targets.repo
where
    sources.repo_type = 'model' and sources.is_first_author and targets.is_committer
    and sources.author <> targets.author
