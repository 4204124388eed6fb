select distinct last_answers.author, unnest(last_answers.organizations).name as organization
from last_answers
inner join authors on last_answers.author = authors.author
where authors.is_account
