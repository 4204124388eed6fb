select author, count(*) as degree
from (select source as author from edges union all select target from edges)
group by author
