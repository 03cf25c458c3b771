"""One connector, several tasks on two workers: who reads what, and what becomes of messages and of
sessions when the number of tasks or the filters change under load."""
import pytest
from support import faults
from support.crew import Crew
from support.mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as broker:
        yield broker


def note(what, crew, verdict):
    faults.figures.append(f"{what}: {verdict.counts['published']} messages, lost 0, duplicates "
                          f"{verdict.duplicates} (of {crew.window} published meanwhile), out of "
                          f"order {len(verdict.disorder)}")
    print(faults.figures[-1])


def test_topics_are_dealt_out_and_stay_where_they_are(cluster, workers, broker):
    group = workers(2)
    with Crew(cluster, group, broker, "topics") as crew:
        dealt = [set(plugin["granted_qos"]) for plugin in crew.wait_settled(4)]
        assert sorted(map(len, dealt)) == [2, 2, 2, 2]
        assert len({group.owner(crew.name, task).name for task in range(4)}) == 2
        crew.flow()
        crew.set_filters([f"d{n}" for n in range(7, -1, -1)])
        assert [set(plugin["granted_qos"]) for plugin in crew.change()] == dealt
        verdict = crew.judge()
        verdict.require(duplicates=0)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("assignment", ["topics", "shared"])
def test_the_number_of_tasks_changes_under_load(cluster, workers, broker, assignment):
    """Four, two, four, one: nothing is lost, and the sessions of tasks that are gone are, too."""
    filters = None if assignment == "topics" else ["+"]
    with Crew(cluster, workers(2), broker, assignment, filters=filters) as crew:
        crew.flow()
        crew.change(tasks=2)
        crew.flow()
        crew.change(tasks=4)
        crew.flow()
        crew.change(tasks=1)
        crew.flow()
        verdict = crew.judge()
        note(f"4, 2, 4, 1 tasks, {assignment}", crew, verdict)
        assert verdict.duplicates <= crew.window, verdict
        assert not any(crew.session_is_left(task) for task in (1, 2, 3))
        assert crew.plugins()[0][1]["possible_gap_since"] is None


@pytest.mark.timeout(180)
def test_filters_come_and_go_under_load(cluster, workers, broker):
    everyone, some = [f"d{n}" for n in range(8)], [f"d{n}" for n in (0, 2, 4, 6)]
    with Crew(cluster, workers(2), broker, "topics", tasks=3) as crew:
        crew.flow()
        crew.change(filters=["+"], wait_tasks=1)  # every device under one filter, and one task
        crew.flow()
        crew.change(filters=everyone, wait_tasks=3)
        crew.flow()
        crew.change(filters=[*some, "d1", "d3", "d5", "d7", "nobody", "else"], wait_tasks=3)
        crew.flow()
        verdict = crew.judge()
        note("filters come and go, 3 tasks", crew, verdict)
        assert verdict.duplicates <= crew.window, verdict


@pytest.mark.timeout(180)
def test_from_dealt_out_to_shared_and_back_under_load(cluster, workers, broker):
    with Crew(cluster, workers(2), broker, "topics", tasks=2) as crew:
        crew.flow()
        for assignment in ("shared", "topics"):
            crew.config["mqtt.task.assignment"] = assignment
            crew.change()
            crew.flow()
        verdict = crew.judge()
        note("topics, shared, topics", crew, verdict)
        assert verdict.duplicates <= crew.window, verdict


def test_one_filter_is_one_task_unless_it_is_shared(cluster, workers, broker):
    group = workers(2)
    with Crew(cluster, group, broker, "topics", filters=["+"]) as crew:
        crew.wait_settled(1)
        path = "/connector-plugins/mqtt-source/config/validate"
        assert group.rest.do("PUT", path, {**crew.config, "name": crew.name})["error_count"] == 0
        notes = group.rest.status(crew.name)["tasks"][0]["details"]
        assert "1 task will run" in str(notes), notes
        crew.flow()
        crew.config["mqtt.task.assignment"] = "shared"
        plugins = crew.change(wait_tasks=4)
        assert len(plugins) == 4
        crew.flow(800)
        received = [plugin["received"]["qos1"] for _, plugin in crew.plugins()]
        assert min(received) > 0, received
        crew.judge()
