-- a trailer that gives one as the name and the other as the handle
select name as x, handle as y from trailers
