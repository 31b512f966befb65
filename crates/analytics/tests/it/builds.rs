//! What a build left behind, read back.

use analytics::{BuildLine, BuildOf};

use crate::{engine, unique};

#[test]
fn steps_and_lines_come_in_order_and_only_those_of_one_deployment() {
    testbed::run(async {
        let (engine, analytics) = engine().await;
        let (workspace, deployment) = (unique("ws"), unique("d"));
        let row = |time: i64, deployment: &str, step: &str, message: &str| {
            format!("({time}, '{workspace}', 'proj_1', '{deployment}', '{message}', '{step}')")
        };
        // three inserts: three parts, and the last brings what is older
        for rows in [
            vec![
                row(1_900_000_000_005, &deployment, "sha256:b", "second"),
                row(1_900_000_000_005, &deployment, "sha256:b", "third"),
            ],
            vec![
                row(1_900_000_000_005, &deployment, "sha256:b", "a fourth"),
                row(1_900_000_000_009, "d_other", "sha256:b", "another"),
            ],
            vec![row(
                1_900_000_000_001,
                &deployment,
                "sha256:z",
                "first \"one\"",
            )],
        ] {
            let sql = format!(
                "INSERT INTO build_step_logs_v1 (time, workspace_id, project_id, deployment_id, message, step_id) VALUES {}",
                rows.join(", ")
            );
            engine.query(&sql).await.expect("inserted");
        }
        let sql = format!(
            "INSERT INTO build_steps_v1 (step_id, started_at, completed_at, workspace_id, project_id, deployment_id, name, cached, error, has_logs) \
             VALUES ('sha256:b', 1900000000002, 1900000000010, '{workspace}', 'proj_1', '{deployment}', 'RUN make', false, 'exit code: 2', true), \
             ('sha256:z', -62135596800000, 1900000000001, '{workspace}', 'proj_1', '{deployment}', 'FROM scratch', true, '', false)"
        );
        engine.query(&sql).await.expect("inserted");

        let of = BuildOf {
            workspace_id: &workspace,
            project_id: "proj_1",
            deployment_id: &deployment,
        };
        let mut lines: Vec<BuildLine> = Vec::new();
        analytics
            .build_lines(of, 0, |line| lines.push(line))
            .await
            .expect("lines");
        let messages: Vec<&str> = lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(messages, ["first \"one\"", "second", "third", "a fourth"]);
        let mut late = 0;
        analytics
            .build_lines(of, 1_900_000_000_002, |_| late += 1)
            .await
            .expect("lines");
        assert_eq!(late, 3);

        let steps = analytics.build_steps(of, i64::MIN).await.expect("steps");
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["FROM scratch", "RUN make"]);
        assert!(steps[0].cached && steps[0].error.is_empty());
        assert_eq!(steps[1].error, "exit code: 2");
    });
}
