"""Rollouts in waves and percentages, and rollouts that somebody pauses."""

import json
import os
import subprocess
import unittest

import grpc

from harness.api import deployment_pb, payload_service, pb
from harness.errors import expect_error
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.programs import LONGSHORE
from harness.stack import Stack
from harness.web import Web

Wave, WavePause = deployment_pb.Wave, deployment_pb.WavePause
COMPLETED, PENDING, CANCELLED = pb.PAYLOAD_STATUS_COMPLETED, pb.PAYLOAD_STATUS_PENDING, pb.PAYLOAD_STATUS_CANCELLED


class WaveTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=4, api_servers=2, http=True)
        cls.addClassCleanup(cls.stack.close)

    def setUp(self):
        self.addCleanup(self.stack.restore)

    def deploy(self, text="echo ran", **rollout):
        return self.stack.deploy(text, rollout=deployment_pb.Rollout(**rollout))

    def deployment(self, answer):
        request = payload_service.GetDeploymentRequest(deployment_id=answer.deployment_id)
        return self.stack.settled(lambda: self.stack.payloads.GetDeployment(request))

    def await_state(self, answer, state, wave=None):
        def look():
            deployment = self.deployment(answer)
            found = deployment_pb.RolloutState.Name(deployment.rollout_state)
            return deployment if found == f"ROLLOUT_STATE_{state}" and wave in (None, deployment.wave) else None
        return wait_until(look, f"the rollout to be {state}")

    def statuses(self, answer):
        return [self.stack.get(payload_id).status for payload_id in answer.payload_ids]

    def resume(self, answer):
        return self.stack.payloads.ResumeDeployment(payload_service.ResumeDeploymentRequest(deployment_id=answer.deployment_id))

    def pause(self, answer):
        return self.stack.payloads.PauseDeployment(payload_service.PauseDeploymentRequest(deployment_id=answer.deployment_id))

    def test_wave_after_wave_until_resumed(self):
        answer = self.deploy(waves=[Wave(count=1), Wave(percent=50)], pause=WavePause(until_resumed=True))
        deployment = self.await_state(answer, "PAUSED")
        self.assertEqual((deployment.wave, deployment.wave_count), (1, 3))
        self.assertEqual(self.statuses(answer), [COMPLETED, PENDING, PENDING, PENDING])
        self.assertEqual([self.stack.get(payload_id).wave for payload_id in answer.payload_ids], [1, 2, 3, 3])
        self.resume(answer)
        self.await_state(answer, "PAUSED", wave=2)
        self.assertEqual(self.statuses(answer), [COMPLETED, COMPLETED, PENDING, PENDING])
        # It is the database that remembers, whoever dies.
        for server in self.stack.api_servers:
            server.kill()
            server.start()
        self.await_state(answer, "PAUSED", wave=2)
        self.assertEqual(self.statuses(answer)[2:], [PENDING, PENDING])
        self.stack.settled(lambda: self.resume(answer))
        self.await_state(answer, "DONE")
        for payload_id in answer.payload_ids:
            self.assertEqual(self.stack.wait(payload_id).status, COMPLETED)

    def test_a_time_between_waves(self):
        answer = self.deploy(waves=[Wave(count=3)], pause=WavePause(seconds=3600))
        deployment = self.await_state(answer, "WAITING")
        left = deployment.next_wave_at.seconds - deployment.created_at.seconds
        self.assertGreaterEqual(left, 3600)
        self.assertEqual(self.statuses(answer)[3], PENDING)
        # As if the time were over.
        self.stack.sql(f"UPDATE deployments SET next_wave_at = now() WHERE id = {answer.deployment_id}")
        self.assertEqual(self.stack.wait(answer.payload_ids[3]).status, COMPLETED)

    def test_the_next_wave_begins_by_itself(self):
        answer = self.deploy(waves=[Wave(count=1)], pause=WavePause(seconds=1))
        first, second, _, last = (self.stack.wait(payload_id) for payload_id in answer.payload_ids)
        self.assertEqual(last.status, COMPLETED)
        pause = second.started_at.ToNanoseconds() - first.finished_at.ToNanoseconds()
        self.assertGreaterEqual(pause, 10**9)

    def test_a_check_that_succeeds(self):
        answer = self.deploy("touch /root/done", waves=[Wave(count=2)], pause=WavePause(check_script=b"test -e /root/done"))
        for payload_id in answer.payload_ids:
            self.assertEqual(self.stack.wait(payload_id).status, COMPLETED)
        deployment = self.await_state(answer, "DONE")
        self.assertEqual(deployment.request.rollout.pause.check_script, b"")
        check = self.stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(
            deployment_id=deployment.check_deployment_id))
        self.assertEqual((check.counts.completed, check.counts.total), (2, 2), "on each instance of the wave, and no other")
        self.assertEqual(check.script_sha256, deployment.request.rollout.pause.check_script_sha256)

    def test_a_check_that_fails(self):
        answer = self.deploy(waves=[Wave(count=2)], pause=WavePause(check_script=b"exit 3"))
        deployment = self.await_state(answer, "STOPPED")
        self.assertIn("the check of wave 1 did not succeed", deployment.stop_reason)
        for payload_id, status in zip(answer.payload_ids, (COMPLETED, COMPLETED, CANCELLED, CANCELLED)):
            self.assertEqual(self.stack.wait(payload_id).status, status)

    def test_pause_and_resume(self):
        first = self.stack.instances[0]
        hold(first)
        self.addCleanup(let_go, first)
        answer = self.deploy(HELD, max_concurrency=1)
        self.stack.wait(answer.payload_ids[0], [pb.PAYLOAD_STATUS_EXECUTING])
        self.assertEqual(self.pause(answer).rollout_state, deployment_pb.ROLLOUT_STATE_PAUSED)
        self.assertEqual(self.pause(answer).rollout_state, deployment_pb.ROLLOUT_STATE_PAUSED, "again changes nothing")
        let_go(first)
        self.assertEqual(self.stack.wait(answer.payload_ids[0]).status, COMPLETED, "what is under way goes on")
        other = self.stack.run("echo other")  # A round later nothing has begun.
        self.assertEqual(other.status, COMPLETED)
        self.assertEqual(self.statuses(answer)[1:], [PENDING] * 3)
        self.assertEqual(self.resume(answer).rollout_state, deployment_pb.ROLLOUT_STATE_ROLLING)
        for payload_id in answer.payload_ids:
            self.assertEqual(self.stack.wait(payload_id).status, COMPLETED)
        for change in (self.pause, self.resume):
            expect_error(self, lambda: change(answer), grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")

    def test_percentages_are_of_all_that_were_taken(self):
        answer = self.deploy(max_concurrency_percent=50, max_errors_percent=100)
        row = self.stack.sql(f"SELECT max_concurrency, max_errors FROM deployments WHERE id = {answer.deployment_id}")
        self.assertEqual(row, "2|4")

    def test_a_resume_that_is_repeated_begins_one_wave(self):
        answer = self.deploy(waves=[Wave(count=1), Wave(count=2)], pause=WavePause(until_resumed=True))
        self.await_state(answer, "PAUSED", wave=1)
        resume = payload_service.ResumeDeploymentRequest(deployment_id=answer.deployment_id, request_id="go-on")
        first = self.stack.payloads.ResumeDeployment(resume)
        self.await_state(answer, "PAUSED", wave=2)
        self.assertEqual(self.stack.payloads.ResumeDeployment(resume), first)
        self.assertEqual(self.await_state(answer, "PAUSED").wave, 2)
        self.stack.payloads.CancelDeployment(payload_service.CancelDeploymentRequest(deployment_id=answer.deployment_id))

    def test_cancel_takes_the_check_along(self):
        for instance in self.stack.instances:
            hold(instance)
            self.addCleanup(let_go, instance)
        answer = self.deploy("true", waves=[Wave(count=2)], pause=WavePause(check_script=HELD.encode()))
        check = wait_until(lambda: self.deployment(answer).check_deployment_id, "the check")
        wait_until(lambda: self.stack.sql(
            f"SELECT count(*) FROM payloads WHERE deployment_id = {check} AND status = 'EXECUTING'") == "2", "it to run")
        self.stack.payloads.CancelDeployment(payload_service.CancelDeploymentRequest(deployment_id=answer.deployment_id))
        wait_until(lambda: self.stack.sql(
            f"SELECT count(*) FROM payloads WHERE deployment_id = {check} AND status = 'CANCELLED'") == "2", "it to be stopped")
        self.assertEqual(self.deployment(answer).stop_reason, "", "nobody stopped the rollout but who cancelled it")

    def test_the_script_of_a_check_can_be_read(self):
        answer = self.deploy(waves=[Wave(count=1)], pause=WavePause(check_script=b"echo never run"))
        sha256 = self.deployment(answer).request.rollout.pause.check_script_sha256
        script = self.stack.payloads.GetScript(payload_service.GetScriptRequest(sha256=sha256))
        self.assertEqual(script.content, b"echo never run")
        self.stack.wait(answer.payload_ids[3])

    def test_a_check_of_the_request_names_the_targets(self):
        answer = self.stack.deploy("echo x", instances=[self.stack.instances[2], self.stack.instances[1]], validate_only=True)
        self.assertEqual(list(answer.instance_ids), [self.stack.instances[2].id, self.stack.instances[1].id])
        self.assertEqual(list(answer.payload_ids), [])

    def test_watching(self):
        answer = self.deploy(waves=[Wave(count=1)], pause=WavePause(until_resumed=True))
        stream = self.stack.payloads.WatchDeployment(payload_service.WatchDeploymentRequest(deployment_id=answer.deployment_id))
        seen = []
        for event in stream:
            if event.HasField("deployment"):
                seen.append(event.deployment.rollout_state)
            if seen and seen[-1] == deployment_pb.ROLLOUT_STATE_PAUSED:
                seen.append(None)
                self.resume(answer)
        self.assertIn(deployment_pb.ROLLOUT_STATE_PAUSED, seen, "without a change of any payload")
        self.assertEqual(seen[-1], deployment_pb.ROLLOUT_STATE_DONE)

    def test_from_the_command_line_and_by_http(self):
        def longshore(*words, status=0):
            run = subprocess.run([LONGSHORE, *map(str, words)], env=self.stack.environment_of_cli(), capture_output=True,
                                 text=True)
            self.assertEqual(run.returncode, status, run.stderr)
            return run.stdout + run.stderr

        file = os.path.join(self.stack.directory, "script.sh")
        with open(file, "w") as script:
            script.write("echo ran\n")
        ids = ",".join(str(instance.id) for instance in self.stack.instances)
        made = json.loads(longshore("deploy", "--file", file, "--instances", ids, "--execute", "--waves", "1,50%", "--wave-hold",
                                    "--max-errors", "25%", "-o", "json"))
        number = int(made["deployment_id"])
        answer = payload_service.DeployPayloadResponse(deployment_id=number)
        self.await_state(answer, "PAUSED", wave=1)
        shown = longshore("deployments", "show", number)
        self.assertIn("PAUSED, wave 1 of 3", shown)
        self.assertIn("1, 50%", shown)
        self.assertIn("ROLLING, wave 2 of 3", longshore("deployments", "resume", number))
        self.await_state(answer, "PAUSED", wave=2)
        web = Web(self.stack)
        self.assertEqual(web.get(f"/api/v1/deployments/{number}").json["rollout_state"], "paused")
        self.assertEqual(web.ask("POST", f"/api/v1/deployments/{number}:resume", {}).json["rollout_state"], "rolling")
        for payload_id in made["payload_ids"]:
            self.assertEqual(self.stack.wait(int(payload_id)).status, COMPLETED)
        paused = web.ask("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": "pause_deployment",
                                          "params": {"deployment_id": number}}).json
        self.assertEqual(paused["error"]["data"]["reason"], "WRONG_STATE")
        for wrong in (("--waves", "5,x"), ("--max-concurrency", "0"), ("--wave-hold",), ("--max-errors", "%")):
            self.assertIn("longshore:", longshore("deploy", "--file", file, "--instances", ids, *wrong, status=2))


if __name__ == "__main__":
    unittest.main()
