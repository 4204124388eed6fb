-- the name and handle in a Co-authored-by trailer
select name as x, handle as y from trailers
